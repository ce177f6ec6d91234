import { findCluster, ownCluster, placeOf, rangesIn, type Registry } from '../registry/registry.ts';
import type { Settings } from '../settings.ts';
import type { HeldRanges } from '../range-counts.ts';
import type { Cidr, IpAddress } from '../values/address.ts';
import type { ClusterName, Namespace } from '../values/names.ts';

/** What the merge of one Service must know besides the Service and its slices. */
export interface MergeFacts {
  /** kube-proxy's choices: none of slicewright's rules about sources (MR-46). */
  readonly compat: boolean;
  /** Feature gates given by name. */
  readonly featureGates: Settings['featureGates'];
  /** The node that is compiled for. */
  readonly nodeName: string | undefined;
  readonly zone: string | undefined;
  /** undefined: not known, so slices that came back cannot be told (MR-11). */
  readonly own: ClusterName | undefined;
  /** Clusters as operators call them, aliases among them. */
  readonly clusters: readonly ClusterName[];
  /** Ids that the name rule may find in a slice's name, longest first (MR-12). */
  readonly knownClusters: readonly ClusterName[];
  /** With the local cluster marked. */
  readonly registry: Registry;
  /** Ranges of our own pods as registered, else as configured; empty: neither says any. */
  readonly podCidrs: readonly Cidr[];
  /** Ranges of our own pods as the Nodes have them. As with reserved addresses, those that come or go concern few. */
  readonly nodePods: HeldRanges;
  /** Whether an address is ours, so that no other cluster's slice may claim it (MR-15). */
  readonly reserved: (address: IpAddress) => 'node' | 'cluster IP' | undefined;
}

/** What tells whose a slice is. */
export type NameFacts = Pick<MergeFacts, 'own' | 'knownClusters' | 'registry'>;

/** The same for slices of each namespace: what one says of clusters holds there alone. */
export interface NamesIn {
  readonly registry: Registry;
  in(namespace: Namespace): NameFacts;
}

/** Whether all Services see the same facts, but for reserved addresses and ranges of single nodes, which concern few. */
export function areSameFacts(a: MergeFacts, b: MergeFacts): boolean {
  return (
    a.nodeName === b.nodeName &&
    a.zone === b.zone &&
    a.podCidrs.join() === b.podCidrs.join() &&
    a.clusters.join() === b.clusters.join() &&
    areSameNames(a, b)
  );
}

export function areSameNames(a: NameFacts, b: NameFacts): boolean {
  return a.own === b.own && a.registry === b.registry && a.knownClusters.join() === b.knownClusters.join();
}

/** The place that our node's zone means. */
export function ownPlace({ zone, registry }: MergeFacts): string | undefined {
  return zone && (ownCluster(registry)?.zones.get(zone) ?? zone);
}

/** The place that an endpoint's zone means: zones of two clusters are two places unless the registry says otherwise. */
export function placeIn(cluster: ClusterName | undefined, zone: string | undefined, facts: MergeFacts) {
  if (zone === undefined) return undefined;
  if (cluster === undefined) return ownCluster(facts.registry)?.zones.get(zone) ?? zone;
  return placeOf(facts.registry, cluster, zone);
}

/** Every range registered for a cluster; undefined: it is not registered, or without ranges. */
export function rangesOf(
  cluster: ClusterName,
  { registry }: Pick<MergeFacts, 'registry'>,
): readonly Cidr[] | undefined {
  const known = findCluster(registry, cluster);
  const ranges = known && rangesIn(known);
  return ranges?.length === 0 ? undefined : ranges;
}
