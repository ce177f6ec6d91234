import { type AddressFacts, type Contested, createContestedTable } from './ir/contested.ts';
import { addressesToJudge } from './ir/address-rights.ts';
import { type Counts, createCounts } from './counts.ts';
import type { EndpointSlice } from './model/endpoint-slice.ts';
import { karmadaTarget } from './model/karmada-target.ts';
import type { ModelObject } from './model/kinds.ts';
import type { NamespacedMetadata } from './model/metadata.ts';
import type { Service } from './model/service.ts';
import { createNamedAddresses } from './named-addresses.ts';
import { createClaimsOfNamespaces, type NamespaceClaims } from './namespace-claims.ts';
import { createRangeCounts, type HeldRanges } from './range-counts.ts';
import type { IpAddress } from './values/address.ts';
import { type ClusterName, type Namespace, parseClusterName } from './values/names.ts';
import { unreachable } from './values/unreachable.ts';

/** Single addresses, and ranges of pods. */
export interface Places {
  readonly addresses: ReadonlySet<IpAddress>;
  readonly pods: HeldRanges;
}

/**
 * What the objects of all clusters say about addresses, clusters and namespaces, counted: several objects may say the same, so a
 * count tells when the last of them goes.
 */
export interface Tallies {
  /** by   1: the object comes; -1: it goes */
  change(cluster: ClusterName | undefined, object: ModelObject, by: 1 | -1): void;
  /** What changed since the last call. */
  takeTouched(): { readonly places: Places; readonly namespaces: Set<Namespace> };
  /** The other clusters whose objects are here. */
  given(): ClusterName[];
  claimsOf(namespace: Namespace): NamespaceClaims;
  /** Namespaces whose objects make claims about clusters or addresses. */
  claimingNamespaces(): Iterable<Namespace>;
  /** Pod ranges of the nodes, always up to date. */
  readonly nodePods: HeldRanges;
  /** false: no slice names the address. */
  mayName(address: IpAddress): boolean;
  /** Whether people wrote the address into a Service or a ServiceImport. */
  isJudged(address: IpAddress): boolean;
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
  return { addresses: new Set<IpAddress>(), pods: createRangeCounts() };
}

export function createTallies(): Tallies {
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
  let touched = nothingTouched();

  /** Adds an object to the counts, or takes it away: the same code does both. */
  function change(cluster: ClusterName | undefined, object: ModelObject, by: 1 | -1): void {
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

  return {
    change,
    takeTouched() {
      const places = touched;
      touched = nothingTouched();
      return { places, namespaces: claims.takeTouched() };
    },
    given,
    claimsOf: (namespace) => claims.of(namespace),
    claimingNamespaces: () => claims.namespaces(),
    nodePods,
    mayName: named.mayHave,
    isJudged: (address) => judged.counts.has(address),
    isApiServer: (address) => apiServers.counts.has(address),
    reserved(address) {
      return nodeAddresses.counts.has(address) ? 'node' : clusterIPs.counts.has(address) ? 'cluster IP' : undefined;
    },
    contested: (facts) => contested.find({ ...facts, isOfNode: (address) => nodeAddresses.counts.has(address) }),
  };
}
