import type { ClusterName } from '../values/names.ts';

/** What happens to a lost cluster's endpoints (MR-71). */
export type OnClusterLost = 'keep' | 'degrade' | 'drop';

/** The clusters that a tier of `failover` contains. The local cluster is `local`. */
export type TierSelector =
  | { readonly kind: 'local' }
  | { readonly kind: 'remote' }
  | { readonly kind: 'cluster'; readonly cluster: ClusterName }
  | { readonly kind: 'region'; readonly region: string }
  | { readonly kind: 'tier'; readonly tier: number }
  | { readonly kind: 'any' };

/** Clusters that one selector of the list selects. */
export type Tier = readonly TierSelector[];

export type MinHealthy =
  | { readonly kind: 'count'; readonly count: number }
  /** A percentage of the tier's usual size, which is the number of its endpoints in any state. */
  | { readonly kind: 'percent'; readonly percent: number };

/** `local`, a cluster's id, or `*` for all clusters that are not named. */
export type ClusterWeightKey = 'local' | '*' | ClusterName;

/**
 * How a consumer wants its Service's traffic spread over clusters (docs/policies.md).
 * The default is kube-proxy's and Karmada's: all ready endpoints are equal.
 */
export interface Policy {
  /** Ordered groups of clusters; empty: one group of all. `affinity` is a short form of it. */
  readonly failover: readonly Tier[];
  /** undefined: one ready endpoint is enough for a tier to take everything. */
  readonly minHealthy: MinHealthy | undefined;
  /** Share per cluster, divided among its ready endpoints; undefined: all endpoints are equal. */
  readonly clusterWeights: ReadonlyMap<ClusterWeightKey, number> | undefined;
  /** Clusters that get no new connections; `local` is the local cluster. */
  readonly drainClusters: readonly (ClusterName | 'local')[];
  /** undefined: the cluster's own setting in the registry, else degrade. */
  readonly onClusterLost: OnClusterLost | undefined;
  /** With `drop`: keep lost clusters' endpoints when nothing else is ready (MR-72). */
  readonly panic: boolean;
  readonly portMatch: 'name' | 'nameThenNumber';
  /** `kube-proxy`: hints of all clusters count alike, as kube-proxy takes them (MR-46). */
  readonly topology: 'default' | 'kube-proxy';
  readonly masqueradeRemote: 'auto' | 'always';
  /** A client with session affinity keeps its endpoint while that endpoint is in a lower tier (MR-56). */
  readonly affinityOverridesTier: boolean;
  /** Clusters whose exports feed the Service; `*`: all. */
  readonly acceptClusters: readonly (ClusterName | '*')[];
}

export const defaultPolicy: Policy = {
  failover: [],
  minHealthy: undefined,
  clusterWeights: undefined,
  drainClusters: [],
  onClusterLost: undefined,
  panic: false,
  portMatch: 'name',
  topology: 'default',
  masqueradeRemote: 'auto',
  affinityOverridesTier: true,
  acceptClusters: [],
};

/** Whether the policy leaves all weights equal. */
export function isEven(policy: Policy): boolean {
  return policy.failover.length === 0 && policy.clusterWeights === undefined && policy.drainClusters.length === 0;
}
