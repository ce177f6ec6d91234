import { asFields, type Fields } from '../../compiler/model/fields.ts';
import { type ClusterName, parseClusterName } from '../../compiler/values/names.ts';
import { conditionsFor, type Finding } from './conditions.ts';
import type { Draft } from './draft.ts';
import { type ExportFact, exportFacts, reportExport } from './export-status.ts';
import { idIn, idText, kinds } from './kinds.ts';
import { isOurs, marks } from './marks.ts';
import { effective } from './members.ts';
import { type ImportPort, mergeExports, type MergedExports } from './merge-exports.ts';
import { mcsDerivedName } from './names.ts';
import { collectableSlices, copyOf } from './slices.ts';
import { clusterSetIpsFor } from './vips.ts';
import { type ClusterView, problemKey } from './world.ts';

/**
 * Imports that are made from exports (the MCS API's way): as long as a cluster exports a Service validly, every cluster
 * that has the namespace has a ServiceImport, and slices of every exporting cluster. The import is served at clusterset
 * IPs of a range, else by a derived Service.
 */
export function desireMcsImports(draft: Draft, namespace: string, name: string): void {
  const { world } = draft;
  const exports = effective(draft, kinds.serviceExport, namespace, name);
  const facts = exportFacts(world, exports, namespace, name);
  const merged = mergeExports(facts);
  if (merged !== undefined) {
    for (const [cluster, view] of world.members) {
      const offered = facts.filter((fact) => fact.isValid && isFor(fact, cluster));
      // Only in clusters that have the namespace: no other cluster asked for the import.
      if (offered.length > 0 && view.takesWrites && view.access !== 'unread' && view.hasNamespace(namespace)) {
        importInto(draft, view, cluster, { namespace, name, merged, offered });
      }
    }
  }
  const conflicts = merged?.conflicts ?? [];
  for (const fact of facts) {
    const found = fact.isValid ? conflicts : [];
    reportExport(draft, fact, { conflicts: found, conflictMessage: found.length > 0 ? (merged?.message ?? '') : '' });
  }
}

/** An export may name the clusters that it is for (CC-12). Its own cluster is always included. */
function isFor({ object, cluster: own }: ExportFact, cluster: ClusterName): boolean {
  const text = object.annotations.get(marks.consumers);
  if (text === undefined || cluster === own) return true;
  return text.split(',').some((each) => parseClusterName(each.trim()) === cluster);
}

interface Importing {
  readonly namespace: string;
  readonly name: string;
  readonly merged: MergedExports;
  readonly offered: readonly ExportFact[];
}

function importInto(draft: Draft, view: ClusterView, cluster: ClusterName, importing: Importing): void {
  const { namespace, name, merged, offered } = importing;
  const apiVersion = view.apiVersionOf(kinds.serviceImport) ?? 'multicluster.x-k8s.io/v1alpha1';
  const id = idIn(kinds.serviceImport, namespace, name);
  const service = derivedFor(draft, view, cluster, importing);
  const ips = service === undefined ? ownIps(draft, view, importing) : service.ips;
  const isHeadless = merged.type === 'Headless';
  const families = ips.map((ip) => (ip.includes(':') ? 'IPv6' : 'IPv4'));
  const isThere = draft.want(cluster, {
    apiVersion,
    kind: 'ServiceImport',
    metadata: {
      name,
      namespace,
      labels: ownTexts(merged.labels),
      annotations: {
        ...ownTexts(merged.annotations),
        ...(service === undefined ? {} : { [marks.derivedService]: service.name }),
      },
    },
    spec: {
      type: merged.type,
      ports: merged.ports.map(portFields),
      ...(ips.length === 0 ? {} : { ips, ipFamilies: families }),
      ...(isHeadless ? {} : affinityOf(merged)),
      ...(merged.internalTrafficPolicy === undefined ? {} : { internalTrafficPolicy: merged.internalTrafficPolicy }),
      ...(merged.trafficDistribution === undefined ? {} : { trafficDistribution: merged.trafficDistribution }),
    },
  });
  if (!isThere) {
    const message = `${cluster} has a ServiceImport ${namespace}/${name} that the controller did not make; it is left unchanged and gets no slices.`;
    return draft.event({ target: cluster, id, type: 'Warning', reason: 'ImportConflict', message });
  }
  for (const { cluster: source, service: exported } of offered) {
    const from = draft.world.members.get(source);
    if (from === undefined) continue;
    for (const slice of collectableSlices(from, `${namespace}/${name}`)) {
      const facts = { service: exported, keepNodeNames: draft.world.settings.keepNodeNames };
      const feeds = { service: service?.name, import: name, prefix: 'imported-' } as const;
      draft.want(cluster, copyOf(slice, source, cluster, feeds, facts), { owner: id, source });
    }
  }
  reportImport(draft, view, cluster, { ...importing, ips, derived: service?.name });
}

/** Labels and annotations that exporters may give an import: all except those with a meaning for proxies. */
function ownTexts(texts: Fields): Fields {
  const isReserved = (key: string) =>
    /^(slicewright\.dev|multicluster\.kubernetes\.io|([a-z-]+\.)?karmada\.io)\//.test(key);
  return Object.fromEntries(
    Object.entries(texts).filter(([key, value]) => typeof value === 'string' && !isReserved(key)),
  );
}

function portFields({ name, protocol, port, appProtocol }: ImportPort): Fields {
  return { name, protocol, port, ...(appProtocol === undefined ? {} : { appProtocol }) };
}

function affinityOf({ sessionAffinity, sessionAffinityConfig }: MergedExports): Fields {
  return {
    sessionAffinity,
    ...(sessionAffinity === 'ClientIP' && asFields(sessionAffinityConfig) !== undefined
      ? { sessionAffinityConfig }
      : {}),
  };
}

/** The derived Service, and the addresses that the cluster gave it; undefined if none is needed. */
function derivedFor(
  draft: Draft,
  view: ClusterView,
  cluster: ClusterName,
  { namespace, name, merged }: Importing,
): { readonly name: string; readonly ips: readonly string[] } | undefined {
  if (merged.type === 'Headless' || draft.world.settings.clusterSetIpRanges.length > 0) return undefined;
  const derived = mcsDerivedName(namespace, name);
  const isDual = merged.ipFamilies.length > 1;
  draft.want(
    cluster,
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: derived, namespace },
      spec: {
        type: 'ClusterIP',
        ports: merged.ports
          .map(({ name: portName, ...port }) => portFields({ ...port, name: portName }))
          .map(withoutEmptyName),
        ...affinityOf(merged),
        ...(merged.internalTrafficPolicy === undefined ? {} : { internalTrafficPolicy: merged.internalTrafficPolicy }),
        ...(merged.trafficDistribution === undefined ? {} : { trafficDistribution: merged.trafficDistribution }),
        ...(isDual ? { ipFamilyPolicy: 'PreferDualStack' } : {}),
      },
    },
    { owner: idIn(kinds.serviceImport, namespace, name) },
  );
  const there = view.get(idIn(kinds.service, namespace, derived));
  const spec = there !== undefined && isOurs(there) ? asFields(there.fields.spec) : undefined;
  const given: unknown = spec?.clusterIPs ?? (spec?.clusterIP === undefined ? [] : [spec.clusterIP]);
  const ips = Array.isArray(given) ? given.filter((each) => typeof each === 'string' && each !== '') : [];
  return { name: derived, ips: inOrderOf(merged.ipFamilies, ips) };
}

/** Addresses in the exporters' order of families. */
function inOrderOf(families: readonly string[], ips: readonly string[]): readonly string[] {
  const rank = (ip: string) => families.indexOf(ip.includes(':') ? 'IPv6' : 'IPv4') >>> 0;
  return [...ips].sort((a, b) => rank(a) - rank(b));
}

function withoutEmptyName(port: Fields): Fields {
  const { name, ...rest } = port;
  return name === '' ? rest : port;
}

function ownIps(draft: Draft, view: ClusterView, { namespace, name, merged }: Importing): readonly string[] {
  if (merged.type === 'Headless') return [];
  const { clusterSetIpRanges: ranges } = draft.world.settings;
  const current = [view, ...draft.world.members.values()].flatMap((each) => {
    const ips = asFields(each.get(idIn(kinds.serviceImport, namespace, name))?.fields.spec)?.ips;
    return Array.isArray(ips) ? ips.filter((ip) => typeof ip === 'string') : [];
  });
  const families = merged.ipFamilies.length > 0 ? merged.ipFamilies : ['IPv4'];
  return clusterSetIpsFor(draft.topic, families, ranges, current, draft.world.clusterSetIps, draft.world.givesIps);
}

function reportImport(
  draft: Draft,
  view: ClusterView,
  cluster: ClusterName,
  {
    namespace,
    name,
    merged,
    offered,
    ips,
    derived,
  }: Importing & { readonly ips: readonly string[]; readonly derived: string | undefined },
): void {
  const object = view.get(idIn(kinds.serviceImport, namespace, name));
  if (object === undefined) return;
  const problem =
    derived === undefined
      ? undefined
      : draft.world.problems.get(problemKey(cluster, idText(idIn(kinds.service, namespace, derived))));
  const isWaiting = merged.type === 'ClusterSetIP' && ips.length === 0;
  const finding: Finding = !isWaiting
    ? { type: 'Ready', status: 'True', reason: 'Ready', message: 'The import can be used in this cluster.' }
    : {
        type: 'Ready',
        status: 'False',
        reason: problem !== undefined && /ipFamil/i.test(problem) ? 'IPFamilyNotSupported' : 'Pending',
        message: problem ?? 'The import has no address yet.',
      };
  draft.status({
    target: cluster,
    id: object,
    apiVersion: object.apiVersion,
    conditions: conditionsFor(object, [finding], draft.world.time),
    fields: {
      clusters: offered.map((each) => ({ cluster: each.cluster })).sort((a, b) => (a.cluster < b.cluster ? -1 : 1)),
    },
  });
}
