import { findCluster, ownCluster, placeOf, rangesIn, type Registry } from '../registry/registry.ts';
import { clustersUsedOtherwise } from '../registry/use.ts';
import type { Settings } from '../settings.ts';
import type { HeldRanges } from '../range-counts.ts';
import type { Cidr, IpAddress } from '../values/address.ts';
import type { ClusterName, Namespace } from '../values/names.ts';

/** What the merge of one Service needs to know besides the Service and its slices. */
export interface MergeFacts {
  /** Decide as kube-proxy does: none of slicewright's rules about sources apply (MR-46). */
  readonly compat: boolean;
  /** Feature gates given by name. */
  readonly featureGates: Settings['featureGates'];
  /** The node that is compiled for. */
  readonly nodeName: string | undefined;
  readonly zone: string | undefined;
  /** undefined: not known, so slices that came back cannot be recognised (MR-11). */
  readonly own: ClusterName | undefined;
  /** Names that operators use for clusters, aliases among them. */
  readonly clusters: readonly ClusterName[];
  /** Ids that the name rule may find in a slice's name, longest first (MR-12). */
  readonly knownClusters: readonly ClusterName[];
  /** With the local cluster marked. */
  readonly registry: Registry;
  /** Pod ranges of the local cluster from the registry, else from the configuration; empty: neither has any. */
  readonly podCidrs: readonly Cidr[];
  /**
   * Pod ranges of the local cluster from its Nodes. As with reserved addresses, one that comes or goes concerns few
   * Services.
   */
  readonly nodePods: HeldRanges;
  /** Whether an address is local, so that no other cluster's slice may claim it (MR-15). */
  readonly reserved: (address: IpAddress) => 'node' | 'cluster IP' | undefined;
}

/** The facts that tell which cluster a slice belongs to. */
export type NameFacts = Pick<MergeFacts, 'own' | 'knownClusters' | 'registry'>;

/** The same for slices of each namespace: what a namespace claims about clusters counts only there. */
export interface NamesIn {
  readonly registry: Registry;
  in(namespace: Namespace): NameFacts;
}

/**
 * How facts changed: not at all for any Service, apart from reserved addresses and single nodes' ranges, which concern
 * few; only in what the endpoints of some clusters get; or in something that any Service may depend on.
 */
export type FactsChange = 'nothing' | { readonly clusters: ReadonlySet<ClusterName> } | 'anything';

export function changeOfFacts(before: MergeFacts, after: MergeFacts): FactsChange {
  if (
    before.nodeName !== after.nodeName ||
    before.zone !== after.zone ||
    before.podCidrs.join() !== after.podCidrs.join() ||
    before.clusters.join() !== after.clusters.join() ||
    !areSameIds(before, after)
  ) {
    return 'anything';
  }
  const clusters = clustersUsedOtherwise(before.registry, after.registry);
  if (clusters === undefined) return 'anything';
  return clusters.size === 0 ? 'nothing' : { clusters };
}

/** Namespaces in which any Service may depend on what changed. */
export function changedWholly(changes: ReadonlyMap<Namespace, FactsChange>): Set<Namespace> {
  return new Set([...changes].flatMap(([namespace, change]) => (change === 'anything' ? [namespace] : [])));
}

export function areSameNames(a: NameFacts, b: NameFacts): boolean {
  return a.registry === b.registry && areSameIds(a, b);
}

function areSameIds(a: NameFacts, b: NameFacts): boolean {
  return a.own === b.own && a.knownClusters.join() === b.knownClusters.join();
}

/** The place that this node's zone means. */
export function ownPlace({ zone, registry }: MergeFacts): string | undefined {
  return zone && (ownCluster(registry)?.zones.get(zone) ?? zone);
}

/** The place that an endpoint's zone means: zones of two clusters are two places unless the registry says otherwise. */
export function placeIn(cluster: ClusterName | undefined, zone: string | undefined, facts: MergeFacts) {
  if (zone === undefined) return undefined;
  if (cluster === undefined) return ownCluster(facts.registry)?.zones.get(zone) ?? zone;
  return placeOf(facts.registry, cluster, zone);
}

/** Every range registered for a cluster; undefined: the cluster is not registered, or has no ranges. */
export function rangesOf(
  cluster: ClusterName,
  { registry }: Pick<MergeFacts, 'registry'>,
): readonly Cidr[] | undefined {
  const known = findCluster(registry, cluster);
  const ranges = known && rangesIn(known);
  return ranges?.length === 0 ? undefined : ranges;
}
