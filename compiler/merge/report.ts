import type { Diagnostic } from '../values/diagnostic.ts';
import { type ClusterName, compareText, type Namespace } from '../values/names.ts';
import { findCluster, namesIn, ownCluster, type Registry } from '../registry/registry.ts';
import { nearestName } from '../values/nearest.ts';
import { formatObjectRef, type ObjectRef } from '../values/object-ref.ts';
import type { AttachedSlice } from './attach.ts';
import type { MergeFacts } from './facts.ts';
import { clusterObject } from './own-cluster.ts';
import type { EndpointRecord } from './record.ts';

/** What is uncertain about the sources of the local cluster's slices: once per source, not per slice (MR-11, MR-12). */
export function reportSources(
  attached: Iterable<AttachedSlice>,
  factsIn: (namespace: Namespace) => MergeFacts,
  diagnostics: Diagnostic[],
): void {
  const doubts = new Map<string, AttachedSlice[]>();
  let cannotReturn = false;
  for (const each of attached) {
    if (each.source.kind !== 'remote') continue;
    cannotReturn ||= factsIn(each.slice.namespace).own === undefined;
    if (each.source.doubt === undefined) continue;
    const key = `${each.source.doubt} ${each.source.cluster}`;
    const slicesInDoubt = doubts.get(key);
    if (slicesInDoubt === undefined) doubts.set(key, [each]);
    else slicesInDoubt.push(each);
  }
  for (const slices of doubts.values()) reportDoubt(slices, factsIn, diagnostics);
  if (cannotReturn) {
    const message = 'has no known id; local slices that come back through other clusters are treated as remote';
    diagnostics.push({ severity: 'info', code: 'own-cluster-unknown', object: clusterObject, message });
  }
}

function reportDoubt(
  slices: readonly AttachedSlice[],
  factsIn: (namespace: Namespace) => MergeFacts,
  diagnostics: Diagnostic[],
): void {
  const ordered = [...slices].sort((a, b) => compareText(formatObjectRef(a.slice.ref), formatObjectRef(b.slice.ref)));
  const [first] = ordered;
  if (first?.source.kind !== 'remote') return;
  const { cluster, doubt } = first.source;
  const others = slices.length > 1 ? ` (and ${slices.length - 1} more)` : '';
  const names = factsIn(first.slice.namespace).knownClusters;
  const known = [...names.slice(0, namesShown), ...(names.length > namesShown ? ['…'] : [])].join(', ') || 'none';
  const message =
    doubt === 'ambiguous'
      ? `has a name that fits several clusters; the longest known name, ${cluster}, is used${others}`
      : `names no known cluster (known: ${known}); its endpoints are treated as remote, of "${cluster}"${others}`;
  const code = doubt === 'ambiguous' ? 'source-cluster-ambiguous' : 'source-cluster-unresolved';
  diagnostics.push({ severity: 'warning', code, object: first.slice.ref, message });
}

/** Anyone who may write marks can write any number of names. */
const namesShown = 20;

/** Clusters that name a zone like the local one: equal names do not mean equal places (MR-45). */
export function reportZones(clusters: ReadonlySet<ClusterName>, facts: MergeFacts, diagnostics: Diagnostic[]): void {
  for (const cluster of clusters) {
    diagnostics.push({
      severity: 'info',
      code: 'zone-unmapped',
      object: { kind: 'cluster', name: cluster },
      message: `has a zone named "${facts.zone}", like this node's zone; without a mapping the two are treated as different zones`,
    });
  }
}

/** Slices that name no Service (MR-4). */
export function reportUnattached(slices: Iterable<ObjectRef>, diagnostics: Diagnostic[]): void {
  for (const object of slices) {
    const message = 'names no Service (label kubernetes.io/service-name); its endpoints are not used';
    diagnostics.push({ severity: 'info', code: 'slice-unattached', object, message });
  }
}

/** Clusters whose objects are here but that the registry does not list, although it lists others. */
export function reportUnregistered(given: Iterable<ClusterName>, registry: Registry, diagnostics: Diagnostic[]): void {
  if (registry.clusters.length === 0) return;
  for (const cluster of given) {
    if (findCluster(registry, cluster) !== undefined) continue;
    const nearest = nearestName(cluster, namesIn(registry));
    const message =
      nearest === undefined
        ? 'is not in the registry; no registered setting applies to it'
        : `is not in the registry; did you mean ${nearest}?`;
    const severity = nearest === undefined ? 'info' : 'warning';
    diagnostics.push({ severity, code: 'cluster-unregistered', object: { kind: 'cluster', name: cluster }, message });
  }
}

/** MultiClusterServices among another cluster's objects: one cluster cannot speak for others. */
export function reportOverreach(refs: Iterable<ObjectRef>, diagnostics: Diagnostic[]): void {
  for (const object of refs) {
    const message = `applies only to what ${object.cluster ?? ''} itself provides; to cover other clusters, put it among the local cluster's objects`;
    diagnostics.push({ severity: 'info', code: 'multi-cluster-service-elsewhere', object, message });
  }
}

/**
 * Endpoints that other clusters offer for local Services and that nothing in the local cluster accepts: once a Service
 * and cluster.
 */
export function reportUnaccepted(
  offers: Iterable<{ readonly service: ObjectRef; readonly cluster: ClusterName; readonly isProtected: boolean }>,
  diagnostics: Diagnostic[],
): void {
  for (const { service, cluster, isProtected } of offers) {
    const message = isProtected
      ? `cluster ${cluster} offers endpoints for it; they are not used: for default/kubernetes and the system namespaces, only mayServe of ${cluster} in the registry can accept them, by namespace and name`
      : `cluster ${cluster} offers endpoints for it, but no object of the local cluster accepts them; they are not used. To accept them: annotation slicewright.dev/accept-clusters: ${cluster} on the Service, a ServiceImport or MultiClusterService of its name, or mayServe of ${cluster} in the registry`;
    diagnostics.push({ severity: 'warning', code: 'offer-not-accepted', object: service, message });
  }
}

/** Addresses that two other clusters claim, in whatever Services (O4): once a pair of clusters. */
export function reportOverlaps(endpoints: readonly EndpointRecord[], diagnostics: Diagnostic[]): void {
  // Nearly every address has one owner: sets are made for the others only.
  const firstOwner = new Map<string, ClusterName>();
  const owners = new Map<string, Set<ClusterName>>();
  for (const { address, cluster } of endpoints) {
    if (cluster === undefined) continue;
    const owner = firstOwner.get(address);
    if (owner === undefined) firstOwner.set(address, cluster);
    else if (owner !== cluster) owners.set(address, (owners.get(address) ?? new Set([owner])).add(cluster));
  }
  const pairs = new Map<string, { first: ClusterName; second: ClusterName; addresses: string[] }>();
  for (const [address, claimants] of owners) {
    const sorted = [...claimants].sort(compareText);
    for (const [i, first] of sorted.entries()) {
      for (const second of sorted.slice(i + 1)) {
        const pair = pairs.get(`${first} ${second}`) ?? { first, second, addresses: [] };
        pair.addresses.push(address);
        pairs.set(`${first} ${second}`, pair);
      }
    }
  }
  for (const { first, second, addresses } of pairs.values()) {
    const [lowest = '', ...more] = addresses.sort(compareText);
    const others = more.length > 0 ? ` (and ${more.length} more)` : '';
    const message = `and cluster ${second} both have an endpoint ${lowest}${others}; packets reach only one of the two`;
    diagnostics.push({
      severity: 'warning',
      code: 'overlap-remote',
      object: { kind: 'cluster', name: first },
      message,
    });
  }
}

/** Lost clusters that have endpoints here (MR-71): once a cluster. */
export function reportLost(endpoints: readonly EndpointRecord[], facts: MergeFacts, diagnostics: Diagnostic[]): void {
  const affected = new Map<ClusterName, { endpoints: number; used: number }>();
  for (const { cluster, inPools } of endpoints) {
    if (cluster === undefined || findCluster(facts.registry, cluster)?.state !== 'Lost') continue;
    const counts = affected.get(cluster) ?? { endpoints: 0, used: 0 };
    counts.endpoints += 1;
    if (inPools.cluster) counts.used += 1;
    affected.set(cluster, counts);
  }
  for (const [cluster, { endpoints: total, used }] of affected) {
    const message = `is lost; of its ${total} endpoints here ${used} get new connections`;
    diagnostics.push({
      severity: 'warning',
      code: 'source-cluster-lost',
      object: { kind: 'cluster', name: cluster },
      message,
    });
  }
}

/** Without the local cluster's pod ranges, another cluster's endpoint cannot be distinguished from a local pod (O1). */
export function reportUnchecked(
  endpoints: readonly EndpointRecord[],
  { podCidrs, nodePods, registry }: MergeFacts,
  diagnostics: Diagnostic[],
): void {
  if (podCidrs.length > 0 || nodePods.areKnown() || ownCluster(registry) === undefined) return;
  if (!endpoints.some(({ cluster }) => cluster !== undefined)) return;
  const message =
    "has no known pod ranges, so slicewright cannot check other clusters' endpoints against them; register podCIDRs";
  diagnostics.push({ severity: 'info', code: 'check-unavailable', object: clusterObject, message });
}
