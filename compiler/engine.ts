import type { Compilation } from './compile.ts';
import { type CompiledService, compileService } from './compile-service.ts';
import { buildNodeContext } from './ir/build-node-context.ts';
import { chooseNode } from './ir/choose-node.ts';
import { createClaimTable } from './ir/claims.ts';
import type { ServicePortIR } from './ir/ir.ts';
import type { NodeContext } from './ir/node-context.ts';
import { attachOwn } from './merge/attach.ts';
import { areSameFacts, type MergeFacts } from './merge/facts.ts';
import { findOwnCluster } from './merge/own-cluster.ts';
import type { EndpointRecord } from './merge/record.ts';
import { reportSources, reportUnattached, reportZones } from './merge/report.ts';
import type { ModelObject } from './model/objects.ts';
import type { Node } from './model/node.ts';
import type { Settings } from './settings.ts';
import type { Family, IpAddress } from './values/address.ts';
import { type Diagnostic, formatDiagnostic, sortDiagnostics } from './values/diagnostic.ts';
import { type ClusterName, compareText, type ServiceKey, type ServicePortId } from './values/names.ts';
import { createWorld } from './world.ts';

/** What a compiler is told once. */
export interface CompilerContext {
  readonly settings: Settings;
  /** The node that is compiled for; undefined: the only Node among the own cluster's objects. */
  readonly nodeName: string | undefined;
  /** Addresses of the node's interfaces, when compiling on it; undefined: those of the Node object. */
  readonly localAddresses: readonly IpAddress[] | undefined;
}

/** What became of Service ports: their new meaning, or that they are no more. */
export type PortChanges = ReadonlyMap<ServicePortId, ServicePortIR | 'gone'>;

export type NodeContexts = Readonly<Record<Family, NodeContext>>;

/** Compiles what was put in, and of it only what changed since. Compiling everything at once is the first settling. */
export interface Engine {
  put(cluster: ClusterName | undefined, object: ModelObject): void;
  /** Takes an object out that was put in. */
  drop(cluster: ClusterName | undefined, object: ModelObject): void;
  /** Compiles the Services that changes touch. */
  settle(): PortChanges;
  /** As of the last settling. */
  node(): NodeContexts;
  /**
   * Everything, as of the last settling.
   *
   * parsing  what was said of the objects before they were put in
   */
  compilation(parsing: readonly Diagnostic[]): Compilation;
}

/**
 * The engine remembers what became of each Service, and recompiles one only if something that compileService asks for
 * may differ: the Service or its slices, the winner of a place that it claims, an address that its slices name and
 * that became or ceased to be ours, or a fact that all Services see. The result is always that of compiling the same
 * objects from nothing; a property test holds it to that.
 */
export function createEngine({ settings, nodeName, localAddresses }: CompilerContext): Engine {
  const world = createWorld();
  const claims = createClaimTable(settings);
  const compiled = new Map<ServiceKey, CompiledService>();
  const local = new Set(localAddresses);
  let factDiagnostics: Diagnostic[] = [];
  let node: Node | undefined;
  let facts = readFacts();

  function readFacts(): MergeFacts {
    factDiagnostics = [];
    const chosen = chooseNode(world.nodes, nodeName, factDiagnostics);
    node = chosen.object;
    const own = findOwnCluster(settings.ownCluster, world, factDiagnostics);
    return {
      compat: settings.compat === 'kube-proxy',
      featureGates: settings.featureGates,
      nodeName: chosen.name,
      zone: node?.zone,
      own,
      knownClusters: world.knownClusters(own),
      reserved: (address) => (local.has(address) ? 'node' : world.reserved(address)),
    };
  }

  /** Services to compile again. */
  function takeStale(): Set<ServiceKey> {
    const { keys, addresses } = world.takeTouched();
    const before = facts;
    facts = readFacts();
    for (const key of keys) claims.set(key, world.services.get(key));
    const everyone = areSameFacts(before, facts) ? [] : world.services.keys();
    return new Set([...keys, ...claims.takeUnsettled(), ...world.keysNaming(addresses), ...everyone]);
  }

  function settle(): PortChanges {
    const changes = new Map<ServicePortId, ServicePortIR | 'gone'>();
    for (const key of takeStale()) {
      const before = compiled.get(key)?.ports ?? [];
      const service = world.services.get(key);
      if (service === undefined) compiled.delete(key);
      else compiled.set(key, compileService(service, world.attachedTo(key, facts), facts, claims, settings));
      compare(before, compiled.get(key)?.ports ?? [], changes);
    }
    return changes;
  }

  function diagnosticsOf(services: readonly CompiledService[]): Diagnostic[] {
    const diagnostics = [...factDiagnostics];
    for (const service of services) for (const diagnostic of service.diagnostics) diagnostics.push(diagnostic);
    reportUnattached(world.unattached, diagnostics);
    if (!facts.compat) {
      reportSources(
        Array.from(world.ownSlices(), (slice) => attachOwn(slice, facts)),
        facts,
        diagnostics,
      );
      reportZones(new Set(services.flatMap(({ sameZoneText }) => sameZoneText)), facts, diagnostics);
    }
    return diagnostics;
  }

  function contexts(): NodeContexts {
    const context = (family: Family): NodeContext => buildNodeContext(family, node, localAddresses, settings);
    return { IPv4: context('IPv4'), IPv6: context('IPv6') };
  }

  return {
    put: world.put,
    drop: world.drop,
    settle,
    node: contexts,
    compilation(parsing) {
      const services = [...compiled].sort(([a], [b]) => compareText(a, b)).map(([, service]) => service);
      const ports = services.flatMap((service) => service.ports);
      const endpoints: EndpointRecord[] = services.flatMap((service) => service.endpoints);
      return {
        services: { IPv4: inIdOrder('IPv4', ports), IPv6: inIdOrder('IPv6', ports) },
        node: contexts(),
        diagnostics: sortDiagnostics(withoutRepeats([...parsing, ...diagnosticsOf(services)])),
        endpoints,
      };
    },
  };
}

function compare(
  before: readonly ServicePortIR[],
  after: readonly ServicePortIR[],
  changes: Map<ServicePortId, ServicePortIR | 'gone'>,
): void {
  const hashes = new Map(before.map(({ id, hash }) => [id, hash]));
  for (const port of after) {
    if (hashes.get(port.id) !== port.hash) changes.set(port.id, port);
    hashes.delete(port.id);
  }
  for (const id of hashes.keys()) changes.set(id, 'gone');
}

function inIdOrder(family: Family, ports: readonly ServicePortIR[]): ServicePortIR[] {
  return ports.filter((port) => port.family === family).sort((a, b) => compareText(a.id, b.id));
}

/** One fact can be met more than once, in both families say. */
function withoutRepeats(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const seen = new Map<string, Diagnostic>();
  for (const diagnostic of diagnostics) seen.set(`${diagnostic.code} ${formatDiagnostic(diagnostic)}`, diagnostic);
  return [...seen.values()];
}
