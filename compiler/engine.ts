import type { Compilation } from './compile.ts';
import { type CompiledService, compileService } from './compile-service.ts';
import { setOrDelete } from './counts.ts';
import { type Contested, nothingContested } from './ir/contested.ts';
import { addressesOf, buildNodeContext } from './ir/build-node-context.ts';
import { chooseNode } from './ir/choose-node.ts';
import { type Holder, reportAddresses, withRightfulAddresses } from './ir/address-rights.ts';
import { createClaimTable } from './ir/claims.ts';
import type { ServicePortIR } from './ir/ir.ts';
import type { NodeContext } from './ir/node-context.ts';
import { attachOwn, type AttachedSlice } from './merge/attach.ts';
import {
  areSameNames,
  changedWholly,
  changeOfFacts,
  type FactsChange,
  type MergeFacts,
  type NamesIn,
} from './merge/facts.ts';
import { findOwnCluster, ownClusterByMarks, reportMarks, statedOwnCluster } from './merge/own-cluster.ts';
import type { EndpointRecord } from './merge/record.ts';
import {
  reportLost,
  reportOverlaps,
  reportOverreach,
  reportSources,
  reportUnaccepted,
  reportUnattached,
  reportUnchecked,
  reportUnregistered,
  reportZones,
} from './merge/report.ts';
import { createReport } from './model/fields.ts';
import type { EndpointSlice } from './model/endpoint-slice.ts';
import type { ModelObject } from './model/kinds.ts';
import type { Node } from './model/node.ts';
import type { Service } from './model/service.ts';
import { notePortChanges } from './port-changes.ts';
import { endpointsOf, isRemarkable, servicesUsing } from './remarkable.ts';
import { reportNodeName, reportServiceAddresses } from './report-addresses.ts';
import { overlappingRanges } from './registry/overlap.ts';
import { emptyRegistry, isWithin, ownCluster, type Registry, withOwn } from './registry/registry.ts';
import type { Settings } from './settings.ts';
import { type Cidr, cidrFamily, type Family, familyOf, type IpAddress } from './values/address.ts';
import { type Diagnostic, formatDiagnostic, sortDiagnostics } from './values/diagnostic.ts';
import { type ClusterName, compareText, type Namespace, type ServiceKey, type ServicePortId } from './values/names.ts';
import { createWorld } from './world.ts';

/** What a compiler is given at its start. */
export interface CompilerContext {
  readonly settings: Settings;
  /** The node that is compiled for; undefined: the only Node among the local cluster's objects. */
  readonly nodeName: string | undefined;
  /** What is known of the clusters besides their objects; absent: nothing. */
  readonly registry?: Registry;
  /** Addresses of the node's interfaces, when compiling on it; undefined: those of the Node object. */
  readonly localAddresses: readonly IpAddress[] | undefined;
}

/** How Service ports changed: their new IR, or that they are gone. */
export type PortChanges = ReadonlyMap<ServicePortId, ServicePortIR | 'gone'>;

export type NodeContexts = Readonly<Record<Family, NodeContext>>;

/** Compiles the objects that were put in, and recompiles only what changed. The first `settle` compiles everything. */
export interface Engine {
  put(cluster: ClusterName | undefined, object: ModelObject): void;
  /** Takes out an object that was put in before. */
  drop(cluster: ClusterName | undefined, object: ModelObject): void;
  /** Uses another registry from the next `settle` on; clusters whose objects are here keep their names. */
  register(registry: Registry): void;
  /**
   * Updates the facts that tell the cluster of a slice, and compiles nothing yet: before a start has all objects, most
   * would be compiled twice.
   */
  renew(): void;
  /** Compiles the Services that changes touch. */
  settle(): PortChanges;
  /** As of the last settling. */
  node(): NodeContexts;
  /**
   * The facts that tell the cluster of a slice in the local cluster, as of the last settling; the same value while
   * nothing changed.
   */
  names(): NamesIn;
  /** The result for each Service, as of the last settling. */
  services(): ReadonlyMap<ServiceKey, Pick<CompiledService, 'ports' | 'endpoints'>>;
  /** A Service's labels, or a ServiceImport's; undefined: there is no such object. */
  labelsOf(key: ServiceKey): Service['labels'] | undefined;
  /** Services that an object is, feeds or may affect, given all other objects. */
  concerns(cluster: ClusterName | undefined, object: ModelObject): ReadonlySet<ServiceKey>;
  /** The same diagnostics as the compilation has. */
  diagnostics(parsing: readonly Diagnostic[]): readonly Diagnostic[];
  /**
   * Everything, as of the last settling.
   *
   * parsing  the diagnostics of the objects from before they were put in
   */
  compilation(parsing: readonly Diagnostic[]): Compilation;
}

/**
 * The engine remembers the result for each Service, and recompiles one only if something that compileService asks for
 * may differ: the Service or its slices, the winner of a place that it claims, an address that its slices name and that
 * became local or ceased to be, what endpoints of a cluster get where it has such endpoints, or a fact that all Services
 * see. The result is always that of compiling the same objects from nothing; a property test holds it to that.
 */
export function createEngine(context: CompilerContext): Engine {
  const { settings, nodeName, localAddresses } = context;
  const compat = settings.compat === 'kube-proxy';
  const world = createWorld();
  const claims = createClaimTable(settings);
  const compiled = new Map<ServiceKey, CompiledService>();
  /** Those of them that diagnostics depend on: of most Services nothing is to be reported. */
  const remarkable = new Map<ServiceKey, CompiledService>();
  /** Services that changes touched after they were last compiled. */
  const stale = new Set<ServiceKey>();
  let changes = new Map<ServicePortId, ServicePortIR | 'gone'>();
  const local = new Set(localAddresses);
  let factDiagnostics: Diagnostic[] = [];
  let node: Node | undefined;
  let given = context.registry ?? emptyRegistry;
  let marked = { given, byOwn: new Map<ClusterName | undefined, Registry>() };
  let facts = readFacts();
  /** Of namespaces whose objects name clusters or addresses: such claims count only in that namespace. */
  const factsOfNamespaces = new Map<Namespace, MergeFacts>();
  let names: NamesIn = { registry: facts.registry, in: factsIn };

  function readFacts(): MergeFacts {
    factDiagnostics = [];
    const chosen = chooseNode(world.nodes, nodeName, factDiagnostics);
    node = chosen.object;
    const stated = statedOwnCluster(settings.ownCluster, given);
    const own = findOwnCluster(stated, given, world.properties, factDiagnostics);
    const registry = registryWith(own);
    const clusters = world.knownClusters(own, given, undefined);
    return {
      compat,
      featureGates: settings.featureGates,
      nodeName: chosen.name,
      zone: node?.zone,
      own,
      clusters,
      knownClusters: clusters,
      registry,
      podCidrs: podCidrs(registry),
      nodePods: world.nodePods,
      reserved: (address) => (local.has(address) ? 'node' : world.reserved(address)),
    };
  }

  /** The registry with the local cluster marked: one value for each name, so that values can be compared. */
  function registryWith(own: ClusterName | undefined): Registry {
    if (marked.given !== given) marked = { given, byOwn: new Map() };
    // kube-proxy knows no clusters, so none is lost or drained.
    const registry = marked.byOwn.get(own) ?? (compat ? emptyRegistry : withOwn(given, own));
    marked.byOwn.set(own, registry);
    return registry;
  }

  function factsIn(namespace: Namespace): MergeFacts {
    return factsOfNamespaces.get(namespace) ?? facts;
  }

  function readFactsIn(namespace: Namespace): MergeFacts {
    const own = facts.own ?? (isNamed() ? undefined : ownClusterByMarks(given, world.claimsOf(namespace).applied));
    const registry = registryWith(own);
    return {
      ...facts,
      own,
      registry,
      knownClusters: world.knownClusters(own, given, namespace),
      podCidrs: registry === facts.registry ? facts.podCidrs : podCidrs(registry),
      reserved: (address) =>
        facts.reserved(address) ?? (world.claimsOf(namespace).addresses.has(address) ? 'cluster IP' : undefined),
    };
  }

  /** Whether any object that may do so names the local cluster, even if the names disagree. */
  function isNamed(): boolean {
    const isStated = statedOwnCluster(settings.ownCluster, given) !== undefined;
    return isStated || [...world.properties].some(({ clusterId }) => clusterId !== undefined);
  }

  /** Reads again the facts of these namespaces; returns how they changed. */
  function renewFactsIn(namespaces: Iterable<Namespace>): ReadonlyMap<Namespace, FactsChange> {
    const changes = new Map<Namespace, FactsChange>();
    const claiming = new Set(world.claimingNamespaces());
    for (const namespace of namespaces) {
      const before = factsIn(namespace);
      const after = claiming.has(namespace) ? readFactsIn(namespace) : undefined;
      if (after === undefined) factsOfNamespaces.delete(namespace);
      else factsOfNamespaces.set(namespace, after);
      changes.set(namespace, changeOfFacts(before, after ?? facts));
    }
    return changes;
  }

  /** From the registry, else from the configuration. */
  function podCidrs(registry: Registry): readonly Cidr[] {
    const ranges = ownCluster(registry)?.podCidrs ?? [];
    return ranges.length > 0 ? ranges : settings.clusterCidrs;
  }

  /** kube-proxy knows no ServiceImport. */
  function isForUs({ kind }: ModelObject): boolean {
    return !compat || kind !== 'ServiceImport';
  }

  /** Reads the facts again, and marks the Services to compile again. */
  function renew(): void {
    const { keys, places, namespaces } = world.takeTouched();
    const before = facts;
    facts = readFacts();
    const whole = changeOfFacts(before, facts);
    const all = [...factsOfNamespaces.keys(), ...world.claimingNamespaces()];
    const within = renewFactsIn(whole === 'nothing' ? namespaces : all);
    const changes = [whole, ...within.values()];
    if (!areSameNames(before, facts) || changes.some((change) => change !== 'nothing')) {
      names = { registry: facts.registry, in: factsIn };
    }
    const others = whole === 'anything' ? [...world.serviceKeys()] : world.keysIn(changedWholly(within));
    for (const key of whole === 'anything' ? [...keys, ...others] : keys) claims.set(key, rightful(world.service(key)));
    const using = servicesUsing(remarkable, changes);
    for (const touched of [keys, claims.takeUnsettled(), world.keysNaming(places), others, using]) {
      for (const key of touched) stale.add(key);
    }
  }

  function rightful(service: Service | undefined): Service | undefined {
    return service && withRightfulAddresses(service, facts.registry);
  }

  function holderOf(address: IpAddress): Holder | undefined {
    return world.isApiServer(address) ? 'API server' : facts.reserved(address);
  }

  function compileStale(): void {
    for (const key of stale) {
      const before = compiled.get(key)?.ports ?? [];
      const service = world.service(key);
      if (service === undefined) {
        compiled.delete(key);
        remarkable.delete(key);
      } else {
        const diagnostics: Diagnostic[] = [];
        const known = factsIn(service.namespace);
        const served = rightful(service) ?? service;
        if (!compat) reportAddresses(service, served, holderOf, createReport(service.ref, diagnostics));
        const made = compileService(served, world.attachedTo(key, known), known, claims, settings);
        const result = { ...made, diagnostics: [...diagnostics, ...made.diagnostics] };
        compiled.set(key, result);
        setOrDelete(remarkable, key, result, isRemarkable(result));
      }
      notePortChanges(before, compiled.get(key)?.ports ?? [], changes);
    }
    stale.clear();
  }

  function settle(): PortChanges {
    renew();
    compileStale();
    const settled = changes;
    changes = new Map();
    return settled;
  }

  /** Before a start is complete, callers get what is known so far. */
  function settled(): ReadonlyMap<ServiceKey, CompiledService> {
    compileStale();
    return compiled;
  }

  function* ownServices(): Generator<Service> {
    for (const key of world.serviceKeys()) {
      const service = world.service(key);
      if (service !== undefined) yield service;
    }
  }

  function diagnosticsOf(parsing: readonly Diagnostic[]): Diagnostic[] {
    const diagnostics = [...parsing, ...factDiagnostics];
    for (const service of remarkable.values())
      for (const diagnostic of service.diagnostics) diagnostics.push(diagnostic);
    reportUnattached(world.unattached, diagnostics);
    if (!facts.compat) {
      for (const remark of facts.registry.remarks ?? []) diagnostics.push(remark);
      reportUnregistered(world.given(), facts.registry, diagnostics);
      reportOverreach(world.overreaching(), diagnostics);
      reportUnaccepted(world.unaccepted(factsIn), diagnostics);
      for (const diagnostic of overlappingRanges(facts.registry)) diagnostics.push(diagnostic);
      const marks = Array.from(
        world.claimingNamespaces(),
        (namespace) => [namespace, world.claimsOf(namespace).applied] as const,
      );
      reportMarks(facts.own, facts.registry, marks, diagnostics);
      reportSources(attached(world.origins.notNative), factsIn, diagnostics);
      if (mayCallNodeOtherwise()) reportNodeName(facts.nodeName, node, attached(world.ownSlices()), diagnostics);
      const { ours } = contested();
      if (ours.length > 0) reportServiceAddresses(ours, ownServices(), endpointsOf(compiled.values()), diagnostics);
      const remote = endpointsOf(remarkable.values(), ({ cluster }) => cluster !== undefined);
      reportOverlaps(remote, diagnostics);
      reportLost(remote, facts, diagnostics);
      reportUnchecked(remote, facts, diagnostics);
      reportZones(zonesByText(), facts, diagnostics);
    }
    return sortDiagnostics(withoutRepeats(diagnostics));
  }

  /** One slice at a time: a reader that has seen enough spares the rest. */
  function* attached(slices: Iterable<EndpointSlice>): Generator<AttachedSlice> {
    for (const slice of slices) yield attachOwn(slice, factsIn(slice.namespace));
  }

  /** A look at all slices is needed only if they name nodes, and the native ones do not name this node. */
  function mayCallNodeOtherwise(): boolean {
    const { nodesNamed, notNative } = world.origins;
    return (nodesNamed.size > 0 || notNative.size > 0) && !nodesNamed.has(facts.nodeName ?? '');
  }

  function zonesByText(): ReadonlySet<ClusterName> {
    const zones = new Set<ClusterName>();
    for (const { sameZoneText } of remarkable.values()) for (const cluster of sameZoneText) zones.add(cluster);
    return zones;
  }

  /** kube-proxy does not ask to which object an address belongs. */
  function contested(): Contested {
    if (compat) return nothingContested;
    const own = new Set(addressesOf(node, localAddresses));
    const ranges = [...facts.podCidrs, ...facts.registry.clusters.flatMap(({ podCidrs: theirs }) => theirs)];
    const ofFamily = {
      IPv4: ranges.filter((range) => cidrFamily(range) === 'IPv4'),
      IPv6: ranges.filter((range) => cidrFamily(range) === 'IPv6'),
    };
    return world.contested({
      isOwn: (address) => own.has(address),
      isInPodRange: (address) => {
        const family = familyOf(address);
        if (facts.nodePods.hold(address)) return true;
        return isWithin(ofFamily[family], address) ?? (facts.nodePods.areKnown(family) ? false : undefined);
      },
    });
  }

  function contexts(): NodeContexts {
    const disputed = contested();
    const context = (family: Family): NodeContext => buildNodeContext(family, node, localAddresses, settings, disputed);
    return { IPv4: context('IPv4'), IPv6: context('IPv6') };
  }

  return {
    put(cluster, object) {
      if (isForUs(object)) world.put(cluster, object);
    },
    drop(cluster, object) {
      if (isForUs(object)) world.drop(cluster, object);
    },
    register(next) {
      given = next;
    },
    renew,
    settle,
    node: contexts,
    names: () => names,
    services: settled,
    labelsOf: (key) => world.service(key)?.labels,
    concerns: world.concerns,
    diagnostics: diagnosticsOf,
    compilation(parsing) {
      const services = [...settled()].sort(([a], [b]) => compareText(a, b)).map(([, service]) => service);
      const ports = services.flatMap((service) => service.ports);
      const endpoints: EndpointRecord[] = services.flatMap((service) => service.endpoints);
      return {
        services: { IPv4: inIdOrder('IPv4', ports), IPv6: inIdOrder('IPv6', ports) },
        node: contexts(),
        diagnostics: diagnosticsOf(parsing),
        endpoints,
      };
    },
  };
}

function inIdOrder(family: Family, ports: readonly ServicePortIR[]): ServicePortIR[] {
  return ports.filter((port) => port.family === family).sort((a, b) => compareText(a.id, b.id));
}

/** The same fact can be found more than once, for example in both families. */
function withoutRepeats(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const seen = new Map<string, Diagnostic>();
  for (const diagnostic of diagnostics) seen.set(`${diagnostic.code} ${formatDiagnostic(diagnostic)}`, diagnostic);
  return [...seen.values()];
}
