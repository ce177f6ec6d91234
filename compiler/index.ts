import type { ClusterObjects, Compilation, CompileInput } from './compile.ts';
import { compileService } from './compile-service.ts';
import { buildNodeContext } from './ir/build-node-context.ts';
import { chooseNode } from './ir/choose-node.ts';
import { claimsOf, settleClaims } from './ir/frontends.ts';
import type { ServicePortIR } from './ir/ir.ts';
import { attachSlices } from './merge/attach.ts';
import { findKnownClusters, findReserved, type MergeFacts } from './merge/facts.ts';
import { findOwnCluster } from './merge/own-cluster.ts';
import type { EndpointRecord } from './merge/record.ts';
import { reportSources, reportZones } from './merge/report.ts';
import { type ClusterModel, parseCluster } from './model/objects.ts';
import { type Family, families } from './values/address.ts';
import { type Diagnostic, formatDiagnostic, sortDiagnostics } from './values/diagnostic.ts';
import { type ClusterName, compareText } from './values/names.ts';

export type { ClusterObjects, Compilation, CompileInput } from './compile.ts';

/**
 * Kubernetes objects of all clusters → what this node must do.
 *
 * Pure, and blind to the order of objects. Bad input never throws: it is left out as narrowly as possible and
 * reported in `diagnostics`.
 */
export function compile(input: CompileInput): Compilation {
  const { settings } = input;
  const diagnostics: Diagnostic[] = [];
  const models = parseClusters(input, diagnostics);
  const own = models[0];
  const node = chooseNode(own, input.nodeName, diagnostics);
  const ownCluster = findOwnCluster(settings.ownCluster, own, diagnostics);
  const facts: MergeFacts = {
    compat: settings.compat === 'kube-proxy',
    featureGates: settings.featureGates,
    nodeName: node.name,
    zone: node.object?.zone,
    own: ownCluster,
    knownClusters: findKnownClusters(models, ownCluster),
    reserved: findReserved(own, input.localAddresses ?? []),
  };
  const attached = attachSlices(models, facts, diagnostics);
  const claims = settleClaims(
    own.services.flatMap((service) => families.flatMap((family) => claimsOf(service, family, settings))),
  );
  const ports: ServicePortIR[] = [];
  const endpoints: EndpointRecord[] = [];
  const sameZoneText = new Set<ClusterName>();
  for (const service of own.services) {
    const compiled = compileService(service, attached.get(service.key) ?? [], facts, claims, settings);
    for (const port of compiled.ports) ports.push(port);
    for (const record of compiled.endpoints) endpoints.push(record);
    for (const cluster of compiled.sameZoneText) sameZoneText.add(cluster);
    for (const diagnostic of compiled.diagnostics) diagnostics.push(diagnostic);
  }
  if (!facts.compat) {
    reportSources(attached, facts, diagnostics);
    reportZones(sameZoneText, facts, diagnostics);
  }
  return {
    services: { IPv4: inIdOrder('IPv4', ports), IPv6: inIdOrder('IPv6', ports) },
    node: {
      IPv4: buildNodeContext('IPv4', node.object, input.localAddresses, settings),
      IPv6: buildNodeContext('IPv6', node.object, input.localAddresses, settings),
    },
    diagnostics: sortDiagnostics(withoutRepeats(diagnostics)),
    endpoints,
  };
}

/** Our own cluster's model first, then the others by name. Objects of one cluster may come in several parts. */
function parseClusters(
  { clusters, settings }: CompileInput,
  diagnostics: Diagnostic[],
): [ClusterModel, ...ClusterModel[]] {
  const objectsOf = (cluster: ClusterName | undefined): unknown[] =>
    clusters.filter((part) => ownName(part, settings.ownCluster) === cluster).flatMap(({ objects }) => objects);
  const others = new Set(
    clusters.map((part) => ownName(part, settings.ownCluster)).filter((name) => name !== undefined),
  );
  return [
    parseCluster(undefined, objectsOf(undefined), diagnostics),
    ...[...others].sort(compareText).map((cluster) => parseCluster(cluster, objectsOf(cluster), diagnostics)),
  ];
}

/** Our own cluster goes by no name within, even if it was given one. */
function ownName({ cluster }: ClusterObjects, own: ClusterName | undefined): ClusterName | undefined {
  return cluster === own ? undefined : cluster;
}

function inIdOrder(family: Family, ports: readonly ServicePortIR[]): ServicePortIR[] {
  return ports.filter((port) => port.family === family).sort((a, b) => compareText(a.id, b.id));
}

/** One fact can be met more than once, in both families say. */
function withoutRepeats(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const seen = new Map(
    diagnostics.map((diagnostic) => [`${diagnostic.code} ${formatDiagnostic(diagnostic)}`, diagnostic]),
  );
  return [...seen.values()];
}
