import { type AttachedSlice, attachExported, attachOwn, serviceOf } from './merge/attach.ts';
import type { MergeFacts } from './merge/facts.ts';
import { karmadaTarget, type OwnClusterEvidence } from './merge/own-cluster.ts';
import type { ClusterProperty } from './model/cluster-property.ts';
import type { EndpointSlice } from './model/endpoint-slice.ts';
import type { Node } from './model/node.ts';
import type { ModelObject } from './model/objects.ts';
import type { Service } from './model/service.ts';
import type { IpAddress } from './values/address.ts';
import { type ClusterName, compareText, parseClusterName, type ServiceKey } from './values/names.ts';
import type { ObjectRef } from './values/object-ref.ts';
import { unreachable } from './values/unreachable.ts';

/** What objects that came or went since the last look have to do with. */
export interface Touched {
  /** Services that they are, or feed. */
  readonly keys: Set<ServiceKey>;
  /** Addresses that became ours or no longer are. */
  readonly addresses: Set<IpAddress>;
}

/**
 * The objects of all clusters, indexed by what compiling one Service asks for. Knows which Services a change touches;
 * decides nothing.
 */
export interface World extends OwnClusterEvidence {
  readonly services: ReadonlyMap<ServiceKey, Service>;
  readonly nodes: readonly Node[];
  put(cluster: ClusterName | undefined, object: ModelObject): void;
  drop(cluster: ClusterName | undefined, object: ModelObject): void;
  takeTouched(): Touched;
  /** A Service's slices: our own cluster's by name, then other clusters', by cluster and name. */
  attachedTo(key: ServiceKey, facts: MergeFacts): AttachedSlice[];
  /** All slices of our own cluster that feed some Service, existing or not. */
  ownSlices(): Iterable<EndpointSlice>;
  /** Slices of our own cluster that name no Service. */
  readonly unattached: Iterable<ObjectRef>;
  /** Services with a slice of perhaps another cluster that names one of the addresses. */
  keysNaming(addresses: ReadonlySet<IpAddress>): ServiceKey[];
  /** Ids that objects name, longest first: of clusters that we have objects of, and in marks of slices (MR-12). */
  knownClusters(own: ClusterName | undefined): ClusterName[];
  reserved(address: IpAddress): 'node' | 'cluster IP' | undefined;
}

/** Another cluster's, or our own, part of the world. */
interface Member {
  readonly slices: Map<ServiceKey, Map<string, EndpointSlice>>;
  readonly exports: Set<ServiceKey>;
}

export function createWorld(): World {
  const members = new Map<ClusterName | undefined, Member>();
  /** The members, our own first, then by name. */
  let order: readonly (ClusterName | undefined)[] = [];
  const objectsOf = createCounts<ClusterName | undefined>();
  const named = createCounts<ClusterName>();
  const applied = createCounts<ClusterName>();
  const clusterIPs = createCounts<IpAddress>();
  const nodeAddresses = createCounts<IpAddress>();
  const services = new Map<ServiceKey, Service>();
  const nodes = new Map<string, Node>();
  const properties = new Map<string, ClusterProperty>();
  const unattached = new Map<EndpointSlice, ObjectRef>();
  let touched: Touched = { keys: new Set(), addresses: new Set() };

  function memberOf(cluster: ClusterName | undefined): Member {
    let member = members.get(cluster);
    if (member === undefined) {
      member = { slices: new Map(), exports: new Set() };
      members.set(cluster, member);
      order = [undefined, ...[...members.keys()].filter((name) => name !== undefined).sort(compareText)];
    }
    return member;
  }

  /** Adds to what is counted of an object, or takes away; counts make both the same. */
  function count(cluster: ClusterName | undefined, object: ModelObject, by: 1 | -1): void {
    objectsOf.change(cluster, by);
    switch (object.kind) {
      case 'Service':
        if (cluster === undefined) countService(object.value, by);
        return;
      case 'EndpointSlice':
        countMarks(object.value, by);
        return;
      case 'Node': {
        if (cluster !== undefined) return;
        const { addresses, localAddresses = [] } = object.value;
        for (const address of [...addresses, ...localAddresses]) changeReserved(nodeAddresses, address, by);
        return;
      }
      case 'ServiceExport':
      case 'ClusterProperty':
        return;
      default:
        unreachable(object);
    }
  }

  function countService(service: Service, by: 1 | -1): void {
    touched.keys.add(service.key);
    const target = karmadaTarget(service);
    if (target !== undefined) applied.change(target, by);
    for (const address of Object.values(service.clusterIPs)) changeReserved(clusterIPs, address, by);
  }

  /** Native slices don't count: their labels are copied from the Service and prove nothing (L1). */
  function countMarks({ marks }: EndpointSlice, by: 1 | -1): void {
    if (marks.native) return;
    for (const mark of [marks.provisionCluster, marks.sourceCluster]) {
      const cluster = parseClusterName(mark);
      if (cluster !== undefined) named.change(cluster, by);
    }
  }

  function changeReserved(counts: Counts<IpAddress>, address: IpAddress, by: 1 | -1): void {
    if (counts.change(address, by)) touched.addresses.add(address);
  }

  function index(cluster: ClusterName | undefined, object: ModelObject, present: boolean): void {
    const own = cluster === undefined;
    switch (object.kind) {
      case 'Service':
        if (own) setOrDelete(services, object.value.key, object.value, present);
        return;
      case 'Node':
        if (own) setOrDelete(nodes, object.value.name, object.value, present);
        return;
      case 'ClusterProperty':
        if (own) setOrDelete(properties, object.value.name, object.value, present);
        return;
      case 'ServiceExport':
        touched.keys.add(object.value.key);
        if (present) memberOf(cluster).exports.add(object.value.key);
        else memberOf(cluster).exports.delete(object.value.key);
        return;
      case 'EndpointSlice':
        indexSlice(cluster, object.value, present);
        return;
      default:
        unreachable(object);
    }
  }

  function indexSlice(cluster: ClusterName | undefined, slice: EndpointSlice, present: boolean): void {
    const key = serviceOf(slice);
    if (key === undefined) {
      if (cluster === undefined && !slice.hidden) setOrDelete(unattached, slice, slice.ref, present);
      return;
    }
    touched.keys.add(key);
    const { slices } = memberOf(cluster);
    const ofService = slices.get(key) ?? new Map<string, EndpointSlice>();
    setOrDelete(ofService, slice.name, slice, present);
    setOrDelete(slices, key, ofService, ofService.size > 0);
  }

  function attachedOf(cluster: ClusterName | undefined, key: ServiceKey, facts: MergeFacts): AttachedSlice[] {
    const member = members.get(cluster);
    if (member === undefined || (cluster !== undefined && !member.exports.has(key))) return [];
    const slices = [...(member.slices.get(key)?.values() ?? [])].sort((a, b) => compareText(a.name, b.name));
    if (cluster === undefined) return slices.map((slice) => attachOwn(slice, facts));
    return slices.map((slice) => attachExported(slice, cluster)).filter((attached) => attached !== undefined);
  }

  return {
    services,
    get nodes() {
      return [...nodes.values()];
    },
    get properties() {
      return properties.values();
    },
    applied: applied.counts,
    put(cluster, object) {
      count(cluster, object, 1);
      index(cluster, object, true);
    },
    drop(cluster, object) {
      count(cluster, object, -1);
      index(cluster, object, false);
    },
    takeTouched() {
      const taken = touched;
      touched = { keys: new Set(), addresses: new Set() };
      return taken;
    },
    attachedTo: (key, facts) => order.flatMap((cluster) => attachedOf(cluster, key, facts)),
    *ownSlices() {
      for (const slices of members.get(undefined)?.slices.values() ?? []) yield* slices.values();
    },
    get unattached() {
      return unattached.values();
    },
    keysNaming(addresses) {
      const keys: ServiceKey[] = [];
      if (addresses.size === 0) return keys;
      const names = ({ marks, endpoints }: EndpointSlice): boolean =>
        !marks.native && endpoints.some(({ address }) => addresses.has(address));
      for (const { slices } of members.values()) {
        for (const [key, ofService] of slices) if ([...ofService.values()].some(names)) keys.push(key);
      }
      return keys;
    },
    knownClusters(own) {
      const given = [...objectsOf.counts.keys()].filter((cluster) => cluster !== undefined);
      const known = new Set([...given, ...named.counts.keys(), ...(own === undefined ? [] : [own])]);
      return [...known].sort((a, b) => b.length - a.length || compareText(a, b));
    },
    reserved(address) {
      return nodeAddresses.counts.has(address) ? 'node' : clusterIPs.counts.has(address) ? 'cluster IP' : undefined;
    },
  };
}

function setOrDelete<K, V>(map: Map<K, V>, key: K, value: V, present: boolean): void {
  if (present) map.set(key, value);
  else map.delete(key);
}

/** How many times each thing is there. */
interface Counts<T> {
  readonly counts: ReadonlyMap<T, number>;
  /** returns  whether the thing came to be there at all, or ceased to be */
  change(thing: T, by: 1 | -1): boolean;
}

function createCounts<T>(): Counts<T> {
  const counts = new Map<T, number>();
  return {
    counts,
    change(thing, by) {
      const count = (counts.get(thing) ?? 0) + by;
      setOrDelete(counts, thing, count, count > 0);
      return by > 0 ? count === 1 : count === 0;
    },
  };
}
