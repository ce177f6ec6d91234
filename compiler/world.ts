import { attachedTo, type Holdings, type Member, serviceAt, type Unaccepted, unaccepted } from './attachments.ts';
import { type AddressFacts, type Contested, createContestedTable } from './ir/contested.ts';
import { type Counts, createCounts, setNested, setOrDelete } from './counts.ts';
import { type AttachedSlice, serviceOf } from './merge/attach.ts';
import type { MergeFacts } from './merge/facts.ts';
import { addressesToJudge } from './ir/address-rights.ts';
import type { ClusterProperty } from './model/cluster-property.ts';
import type { EndpointSlice } from './model/endpoint-slice.ts';
import { karmadaTarget } from './model/karmada-target.ts';
import type { NamespacedMetadata } from './model/metadata.ts';
import type { Node } from './model/node.ts';
import type { ModelObject } from './model/kinds.ts';
import { createOwnSlices, type OwnSlices } from './own-slices.ts';
import { createNamedAddresses } from './named-addresses.ts';
import { createClaimsOfNamespaces, type NamespaceClaims } from './namespace-claims.ts';
import type { Service } from './model/service.ts';
import type { ServiceImport } from './model/service-import.ts';
import { namesIn, type Registry } from './registry/registry.ts';
import { createRangeCounts, type HeldRanges } from './range-counts.ts';
import { embeddedIpv4, type IpAddress } from './values/address.ts';
import {
  type ClusterName,
  compareText,
  importKey,
  type Namespace,
  parseClusterName,
  type ServiceKey,
} from './values/names.ts';
import type { ObjectRef } from './values/object-ref.ts';
import { unreachable } from './values/unreachable.ts';

/** What is related to objects that came or went since the last look. */
export interface Touched {
  /** Services that these objects are, or feed. */
  readonly keys: Set<ServiceKey>;
  /** Places that became local or ceased to be. */
  readonly places: Places;
  /** Namespaces whose objects changed their claims about clusters and addresses. */
  readonly namespaces: Set<Namespace>;
}

/** Single addresses, and ranges of pods. */
export interface Places {
  readonly addresses: ReadonlySet<IpAddress>;
  readonly pods: HeldRanges;
}

/**
 * The objects of all clusters, indexed by what compiling one Service looks up. Knows which Services a change touches;
 * attachments.ts decides which object counts where.
 */
export interface World {
  /** A Service, or a ServiceImport that answers at its own addresses because no Service is derived from it. */
  service(key: ServiceKey): Service | undefined;
  /** The keys of everything that `service` may know. */
  serviceKeys(): Iterable<ServiceKey>;
  keysIn(namespaces: ReadonlySet<Namespace>): Iterable<ServiceKey>;
  readonly nodes: readonly Node[];
  /** The local cluster's own ClusterProperty objects. */
  readonly properties: Iterable<ClusterProperty>;
  put(cluster: ClusterName | undefined, object: ModelObject): void;
  drop(cluster: ClusterName | undefined, object: ModelObject): void;
  takeTouched(): Touched;
  /** Services that an object is, feeds or may affect, given all objects present now. */
  concerns(cluster: ClusterName | undefined, object: ModelObject): ReadonlySet<ServiceKey>;
  /** A Service's slices: the local cluster's by name, then other clusters', by cluster and name. */
  attachedTo(key: ServiceKey, facts: MergeFacts): AttachedSlice[];
  /** All slices of the local cluster that feed some Service, existing or not. */
  ownSlices(): Iterable<EndpointSlice>;
  /** What they say about their origin. */
  readonly origins: Omit<OwnSlices, 'change'>;
  /** Slices of the local cluster that name no Service. */
  readonly unattached: Iterable<ObjectRef>;
  /** MultiClusterServices of other clusters that name providers or consumers which that cluster may not speak for. */
  overreaching(): Iterable<ObjectRef>;
  /** Offers of other clusters that no object of the local cluster accepts. */
  unaccepted(factsIn: (namespace: Namespace) => MergeFacts): Iterable<Unaccepted>;
  /**
   * Services with one of these addresses in their own fields, or with a slice of possibly another cluster that names
   * one.
   */
  keysNaming(places: Places): ServiceKey[];
  /**
   * Ids that a slice's name may begin with, longest first (MR-12): ids of clusters that are registered or whose objects
   * are here, and those that the objects of one namespace name.
   *
   * namespace  undefined: only the ids that count in every namespace
   */
  knownClusters(own: ClusterName | undefined, registry: Registry, namespace: Namespace | undefined): ClusterName[];
  /** The other clusters whose objects are here. */
  given(): Iterable<ClusterName>;
  claimsOf(namespace: Namespace): NamespaceClaims;
  /** Namespaces whose objects make claims about clusters or addresses. */
  claimingNamespaces(): Iterable<Namespace>;
  /** Pod ranges of the nodes, always up to date. */
  readonly nodePods: HeldRanges;
  /**
   * Whether the API server answers there, according to its own slice. For warnings only: anyone who may write in
   * `default` can forge it.
   */
  isApiServer(address: IpAddress): boolean;
  /** Whether an address is local for every namespace: it belongs to a Node, or the API server gave it to a Service. */
  reserved(address: IpAddress): 'node' | 'cluster IP' | undefined;
  /** Addresses at which Services answer and that something else has too. */
  contested(facts: Omit<AddressFacts, 'isOfNode'>): Contested;
}

function nothingTouched() {
  return { keys: new Set<ServiceKey>(), addresses: new Set<IpAddress>(), pods: createRangeCounts() };
}

export function createWorld(): World {
  const members = new Map<ClusterName | undefined, Member>();
  /** The other clusters, by name. */
  let others: readonly ClusterName[] = [];
  const objectsOf = createCounts<ClusterName | undefined>();
  const claims = createClaimsOfNamespaces();
  const clusterIPs = createCounts<IpAddress>();
  const nodeAddresses = createCounts<IpAddress>();
  const nodePods = createRangeCounts();
  const named = createNamedAddresses();
  const contested = createContestedTable(named.mayHave);
  /** Addresses that people wrote into Services and ServiceImports. */
  const judged = createCounts<IpAddress>();
  const apiServers = createCounts<IpAddress>();
  const imports = new Map<ServiceKey, ServiceImport>();
  /** ServiceImports by the Service that would stand for them. */
  const importsOfDerived = new Map<ServiceKey, Map<ServiceKey, ServiceImport>>();
  const nodes = new Map<string, Node>();
  const properties = new Map<string, ClusterProperty>();
  const unattached = new Map<EndpointSlice, ObjectRef>();
  const origins = createOwnSlices();
  let touched = nothingTouched();
  const ours = memberOf(undefined);
  const holdings: Holdings = {
    ours,
    imports,
    importsOfDerived,
    get others() {
      return others;
    },
    memberOf,
  };

  function memberOf(cluster: ClusterName | undefined): Member {
    let member = members.get(cluster);
    if (member === undefined) {
      member = { services: new Map(), slices: new Map(), exports: new Set(), multiClusterServices: new Map() };
      members.set(cluster, member);
      others = [...members.keys()].filter((name) => name !== undefined).sort(compareText);
    }
    return member;
  }

  /** Adds an object to the counts, or takes it away: the same code does both. */
  function count(cluster: ClusterName | undefined, object: ModelObject, by: 1 | -1): void {
    objectsOf.change(cluster, by);
    if (object.kind === 'EndpointSlice') {
      named.change(object.value, by);
      contested.countSlice(object.value, by);
    }
    // Another cluster's objects tell nothing about local addresses, nor about which clusters exist.
    if (cluster !== undefined) return;
    switch (object.kind) {
      case 'Service':
        contested.countService(object.value, by);
        countJudged(object.value, by);
        for (const address of Object.values(object.value.clusterIPs)) changeReserved(clusterIPs, address, by);
        return countApplied(object.value.namespace, karmadaTarget(object.value), by);
      case 'ServiceImport':
        countNames(object.value, object.value.exporters, by);
        contested.countService(object.value.service, by);
        countJudged(object.value.service, by);
        // A remote endpoint there would lead back here. An import does not decide about other Services' endpoints.
        for (const address of Object.values(object.value.service.clusterIPs)) touched.addresses.add(address);
        return claims.changeAddresses(object.value, by);
      case 'EndpointSlice':
        countApiServers(object.value, by);
        return countMarks(object.value, by);
      case 'Node': {
        const { addresses, localAddresses = [], podCidrs } = object.value;
        for (const address of [...addresses, ...localAddresses]) changeReserved(nodeAddresses, address, by);
        for (const cidr of podCidrs) if (nodePods.change(cidr, by)) touched.pods.change(cidr, 1);
        return;
      }
      case 'MultiClusterService':
        return countNames(object.value, [...object.value.providers, ...object.value.consumers], by);
      case 'ServiceExport':
      case 'ClusterProperty':
        return;
      default:
        unreachable(object);
    }
  }

  function countNames({ namespace }: NamespacedMetadata, clusters: readonly ClusterName[], by: 1 | -1): void {
    for (const cluster of clusters) claims.changeNamed(namespace, cluster, by);
  }

  function countApplied(namespace: Namespace, target: ClusterName | undefined, by: 1 | -1): void {
    if (target !== undefined) claims.changeApplied(namespace, target, by);
  }

  function countJudged(service: Service, by: 1 | -1): void {
    for (const address of addressesToJudge(service)) judged.change(address, by);
  }

  function countApiServers(slice: EndpointSlice, by: 1 | -1): void {
    if (slice.namespace !== 'default' || slice.serviceName !== 'kubernetes') return;
    for (const { address } of slice.endpoints) changeReserved(apiServers, address, by);
  }

  /** Native slices don't count: their labels are copied from the Service and prove nothing (L1). */
  function countMarks(slice: EndpointSlice, by: 1 | -1): void {
    const { marks } = slice;
    if (marks.native) return;
    countApplied(slice.namespace, marks.karmadaTarget, by);
    for (const mark of [marks.provisionCluster, marks.sourceCluster]) {
      const cluster = parseClusterName(mark);
      if (cluster !== undefined) claims.changeNamed(slice.namespace, cluster, by);
    }
  }

  function changeReserved(counts: Counts<IpAddress>, address: IpAddress, by: 1 | -1): void {
    if (counts.change(address, by)) touched.addresses.add(address);
  }

  function given(): ClusterName[] {
    return [...objectsOf.counts.keys()].filter((cluster) => cluster !== undefined);
  }

  function index(cluster: ClusterName | undefined, object: ModelObject, present: boolean): void {
    const member = memberOf(cluster);
    switch (object.kind) {
      case 'Service':
        return setOrDelete(member.services, object.value.key, object.value, present);
      case 'ServiceExport':
        if (present) member.exports.add(object.value.key);
        else member.exports.delete(object.value.key);
        return;
      case 'MultiClusterService':
        return setOrDelete(member.multiClusterServices, object.value.key, object.value, present);
      case 'EndpointSlice':
        return indexSlice(cluster, object.value, present);
      case 'ServiceImport':
        if (cluster === undefined) indexImport(object.value, present);
        return;
      case 'Node':
        if (cluster === undefined) setOrDelete(nodes, object.value.name, object.value, present);
        return;
      case 'ClusterProperty':
        if (cluster === undefined) setOrDelete(properties, object.value.name, object.value, present);
        return;
      default:
        unreachable(object);
    }
  }

  function touch(cluster: ClusterName | undefined, object: ModelObject): void {
    for (const key of concerns(cluster, object)) touched.keys.add(key);
  }

  function concerns(cluster: ClusterName | undefined, object: ModelObject): Set<ServiceKey> {
    const keys = new Set<ServiceKey>();
    // Another cluster's imports do not count here.
    if (object.kind === 'ServiceImport' && cluster !== undefined) return keys;
    for (const key of servicesOf(object)) {
      keys.add(key);
      for (const related of relatedTo(key)) keys.add(related);
    }
    return keys;
  }

  function relatedTo(key: ServiceKey): ServiceKey[] {
    const imported = imports.get(importKey(key)) ?? imports.get(key);
    const related = imported === undefined ? [] : [imported.service.key, imported.derived ?? key];
    // The key may itself be derived: then it stands for an import of another name.
    for (const other of importsOfDerived.get(key)?.values() ?? []) related.push(other.service.key, other.exported);
    return related;
  }

  function indexImport(imported: ServiceImport, present: boolean): void {
    const { service, derived } = imported;
    setOrDelete(imports, service.key, imported, present);
    if (derived !== undefined) setNested(importsOfDerived, derived, service.key, imported, present);
  }

  function indexSlice(cluster: ClusterName | undefined, slice: EndpointSlice, present: boolean): void {
    const key = serviceOf(slice);
    if (key === undefined) {
      if (cluster === undefined && !slice.hidden) setOrDelete(unattached, slice, slice.ref, present);
      return;
    }
    const { slices } = memberOf(cluster);
    const others = slices.get(key)?.filter(({ name }) => name !== slice.name) ?? [];
    const now = present ? [...others, slice].sort((a, b) => compareText(a.name, b.name)) : others;
    setOrDelete(slices, key, now, now.length > 0);
    if (cluster === undefined) origins.change(slice, present);
  }

  function keysOfSlicesNaming({ addresses, pods }: Places): ServiceKey[] {
    const keys: ServiceKey[] = [];
    // A gateway may extract a local address from an address that embeds it (merge/sanitise.ts).
    const isThere = (address: IpAddress): boolean =>
      [address, ...embeddedIpv4(address)].some((meant) => addresses.has(meant) || pods.hold(meant));
    for (const [cluster, { slices }] of members) {
      // Another cluster's native slices are remote to this cluster.
      const names = ({ marks, endpoints }: EndpointSlice): boolean =>
        (cluster !== undefined || !marks.native) && endpoints.some(({ address }) => isThere(address));
      for (const [key, ofService] of slices) {
        if (ofService.some(names)) keys.push(key, ...relatedTo(key));
      }
    }
    return keys;
  }

  return {
    service: (key) => serviceAt(holdings, key),
    *serviceKeys() {
      yield* ours.services.keys();
      yield* imports.keys();
    },
    *keysIn(namespaces) {
      if (namespaces.size === 0) return;
      for (const { key, namespace } of ours.services.values()) if (namespaces.has(namespace)) yield key;
      for (const [key, { namespace }] of imports) if (namespaces.has(namespace)) yield key;
    },
    get nodes() {
      return [...nodes.values()];
    },
    get properties() {
      return properties.values();
    },
    put(cluster, object) {
      count(cluster, object, 1);
      index(cluster, object, true);
      touch(cluster, object);
    },
    drop(cluster, object) {
      count(cluster, object, -1);
      // Related Services are found while the object is still there.
      touch(cluster, object);
      index(cluster, object, false);
    },
    concerns,
    takeTouched() {
      const { keys, addresses, pods } = touched;
      const taken = { keys, places: { addresses, pods }, namespaces: claims.takeTouched() };
      touched = nothingTouched();
      return taken;
    },
    attachedTo: (key, facts) => attachedTo(holdings, key, facts),
    *ownSlices() {
      for (const slices of ours.slices.values()) yield* slices;
    },
    origins,
    get unattached() {
      return unattached.values();
    },
    *overreaching() {
      for (const cluster of others) {
        for (const { ref, providers } of memberOf(cluster).multiClusterServices.values()) {
          if (providers.length !== 1 || providers[0] !== cluster) yield ref;
        }
      }
    },
    unaccepted: (factsIn) => unaccepted(holdings, factsIn),
    keysNaming({ addresses, pods }) {
      const keys: ServiceKey[] = [];
      // Looks at all slices and Services only for an address that one of them may name.
      if (pods.areKnown() || [...addresses].some(named.mayHave)) keys.push(...keysOfSlicesNaming({ addresses, pods }));
      if (![...addresses].some((address) => judged.counts.has(address))) return keys;
      for (const key of [...ours.services.keys(), ...imports.keys()]) {
        const service = serviceAt(holdings, key);
        if (service !== undefined && addressesToJudge(service).some((address) => addresses.has(address)))
          keys.push(key);
      }
      return keys;
    },
    given,
    claimsOf: (namespace) => claims.of(namespace),
    claimingNamespaces: () => claims.namespaces(),
    knownClusters(own, registry, namespace) {
      const claimed = namespace === undefined ? [] : claims.of(namespace).named.keys();
      const known = new Set([...given(), ...claimed, ...namesIn(registry)]);
      if (own !== undefined) known.add(own);
      known.delete('' as ClusterName);
      return [...known].sort((a, b) => b.length - a.length || compareText(a, b));
    },
    nodePods,
    contested: (facts) => contested.find({ ...facts, isOfNode: (address) => nodeAddresses.counts.has(address) }),
    isApiServer: (address) => apiServers.counts.has(address),
    reserved(address) {
      return nodeAddresses.counts.has(address) ? 'node' : clusterIPs.counts.has(address) ? 'cluster IP' : undefined;
    },
  };
}

/** Services that an object is, feeds or names, judged by the object alone. */
function servicesOf(object: ModelObject): readonly ServiceKey[] {
  switch (object.kind) {
    case 'Service':
    case 'ServiceExport':
    case 'MultiClusterService':
      return [object.value.key];
    case 'EndpointSlice': {
      const key = serviceOf(object.value);
      return key === undefined ? [] : [key];
    }
    case 'ServiceImport': {
      const { service, exported, derived } = object.value;
      return derived === undefined ? [service.key, exported] : [service.key, exported, derived];
    }
    case 'Node':
    case 'ClusterProperty':
      return [];
    default:
      return unreachable(object);
  }
}
