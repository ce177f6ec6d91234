import type { OnClusterLost, Policy } from '../policy/policy.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { type Cidr, cidrContains, type IpAddress } from '../values/address.ts';
import { type ClusterName, compareText, type Namespace, type ObjectName } from '../values/names.ts';

/**
 * What we believe of a cluster's link (MR-70 to MR-74). `Unknown` counts as alive: plain Karmada
 * gives no lease at all. `Suspect` changes no traffic; it only says that `Lost` may follow.
 */
export const clusterStates = ['Unknown', 'Alive', 'Suspect', 'Lost'] as const;
export type ClusterState = (typeof clusterStates)[number];

/** Local Services that another cluster may add endpoints to. */
export interface ServiceGrant {
  /** `*`: all but the system namespaces, and never default/kubernetes. */
  readonly namespace: Namespace | '*';
  /** undefined: all of the namespace. */
  readonly names: readonly ObjectName[] | undefined;
}

/** One cluster as the operator registered it. */
export interface RegisteredCluster {
  readonly id: ClusterName;
  readonly aliases: readonly ClusterName[];
  /** The cluster that this node belongs to. At most one. */
  readonly self: boolean;
  readonly podCidrs: readonly Cidr[];
  readonly serviceCidrs: readonly Cidr[];
  readonly nodeCidrs: readonly Cidr[];
  /**
   * Zone label in that cluster → the place it means. Two zones are the same place only if they map
   * to the same text; the local cluster's zones mean themselves. Unmapped: `<cluster>/<zone>` (MR-14).
   */
  readonly zones: ReadonlyMap<string, string>;
  readonly region: string | undefined;
  /** Smaller is preferred where two clusters claim one endpoint (MR-33), and for `tier:N` selectors. */
  readonly tier: number;
  /** Relative weight of each endpoint of this cluster, 100 unless set; 0 drains. */
  readonly weight: number;
  /** No new connections, whatever a Service's policy says. */
  readonly drain: boolean;
  /** Unregistered for good: its slices are ignored (MR-77). */
  readonly removed: boolean;
  readonly state: ClusterState;
  /** Overrides the default for Services whose own policy does not say. */
  readonly onLost: OnClusterLost | undefined;
  /** Local Services that it may feed where no local object says so. */
  readonly mayServe: readonly ServiceGrant[];
}

/** Where addresses of Services may lie that are not the API server's choice; absent lists: anywhere, unless restricted. */
export interface ServiceAddressRanges {
  /** Without a list: no externalIPs, only load balancer addresses of Services of that type, only imports in our Service range. */
  readonly restrict: boolean;
  readonly externalIPs: readonly Cidr[] | undefined;
  readonly loadBalancerIPs: readonly Cidr[] | undefined;
  /** Of ServiceImports. */
  readonly clusterSetIPs: readonly Cidr[] | undefined;
}

export interface Registry {
  /** By id; ids and aliases are unique among all. */
  readonly clusters: readonly RegisteredCluster[];
  /** Accept a remote endpoint only inside the ranges of its cluster (MR-15). undefined: see isStrict. */
  readonly strictCidr: boolean | undefined;
  /** What holds for Services whose annotations say nothing; absent: the default policy. */
  readonly policy?: Policy;
  /** absent: Services may have any address, as with kube-proxy. */
  readonly serviceAddresses?: ServiceAddressRanges;
  /** What is odd about the file, though it can be used. */
  readonly remarks?: readonly Diagnostic[];
}

export const emptyRegistry: Registry = { clusters: [], strictCidr: undefined };

/** The cluster of that id or alias. */
export function findCluster(registry: Registry, name: ClusterName): RegisteredCluster | undefined {
  return registry.clusters.find((cluster) => cluster.id === name || cluster.aliases.includes(name));
}

export function ownCluster(registry: Registry): RegisteredCluster | undefined {
  return registry.clusters.find((cluster) => cluster.self);
}

/** The id of a cluster that goes by an alias; any other name stays. */
export function idOf(registry: Registry, name: ClusterName): ClusterName {
  return findCluster(registry, name)?.id ?? name;
}

/** The registry with the local cluster marked as such, however its id was found out. */
export function withOwn(registry: Registry, own: ClusterName | undefined): Registry {
  if (own === undefined) return registry;
  return { ...registry, clusters: registry.clusters.map((cluster) => ({ ...cluster, self: cluster.id === own })) };
}

/** Ids and aliases. */
export function namesIn(registry: Registry): ClusterName[] {
  return registry.clusters.flatMap(({ id, aliases }) => [id, ...aliases]);
}

/** Every range registered for a cluster. */
export function rangesIn({ podCidrs, serviceCidrs, nodeCidrs }: RegisteredCluster): readonly Cidr[] {
  return [...podCidrs, ...serviceCidrs, ...nodeCidrs];
}

/**
 * Whether endpoints outside the ranges of their cluster are refused. Who registers ranges of any other cluster means
 * them: else whatever claims to be of a cluster without ranges would pass by those of all others.
 */
export function isStrict({ strictCidr, clusters }: Registry): boolean {
  return strictCidr ?? clusters.some((cluster) => !cluster.self && !cluster.removed && rangesIn(cluster).length > 0);
}

/** Whether an address lies in one of the ranges; undefined when none is known. */
export function isWithin(cidrs: readonly Cidr[], address: IpAddress): boolean | undefined {
  return cidrs.length === 0 ? undefined : cidrs.some((cidr) => cidrContains(cidr, address));
}

/** The place that a zone label of a cluster means (MR-14, MR-45). */
export function placeOf(registry: Registry, cluster: ClusterName, zone: string): string {
  const registered = findCluster(registry, cluster);
  return registered?.zones.get(zone) ?? `${registered?.id ?? cluster}/${zone}`;
}

export function sortClusters(clusters: readonly RegisteredCluster[]): RegisteredCluster[] {
  return [...clusters].sort((a, b) => compareText(a.id, b.id));
}
