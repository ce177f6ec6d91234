import type { OnClusterLost, Policy } from '../policy/policy.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { type Cidr, cidrContains, type IpAddress } from '../values/address.ts';
import { type ClusterName, compareText, type Namespace, type ObjectName } from '../values/names.ts';

/**
 * The state of a cluster's link, as this node sees it (MR-70 to MR-74). `Unknown` counts as alive: plain Karmada
 * gives no lease at all. `Suspect` changes no traffic; it only warns that `Lost` may follow.
 */
export const clusterStates = ['Unknown', 'Alive', 'Suspect', 'Lost'] as const;
export type ClusterState = (typeof clusterStates)[number];

/** Local Services that another cluster may add endpoints to. */
export interface ServiceGrant {
  /** `*`: all but the system namespaces, and never default/kubernetes. */
  readonly namespace: Namespace | '*';
  /** undefined: all Services of the namespace. */
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
  /** Unregistered permanently: its slices are ignored (MR-77). */
  readonly removed: boolean;
  readonly state: ClusterState;
  /** Overrides the default for Services whose own policy does not set it. */
  readonly onLost: OnClusterLost | undefined;
  /** Local Services that it may feed even where no local object accepts them. */
  readonly mayServe: readonly ServiceGrant[];
}

/**
 * Ranges for those addresses of Services that the API server does not choose; absent lists: anywhere, unless
 * restricted.
 */
export interface ServiceAddressRanges {
  /**
   * Without a list: no externalIPs; load balancer addresses only for Services of that type; imports only in the local
   * Service range.
   */
  readonly restrict: boolean;
  readonly externalIPs: readonly Cidr[] | undefined;
  readonly loadBalancerIPs: readonly Cidr[] | undefined;
  /** For ServiceImports. */
  readonly clusterSetIPs: readonly Cidr[] | undefined;
}

export interface Registry {
  /** By id; ids and aliases are unique among all. */
  readonly clusters: readonly RegisteredCluster[];
  /** Accept a remote endpoint only inside the ranges of its cluster (MR-15). undefined: see isStrict. */
  readonly strictCidr: boolean | undefined;
  /** The policy for Services without annotations; absent: the default policy. */
  readonly policy?: Policy;
  /** absent: Services may have any address, as with kube-proxy. */
  readonly serviceAddresses?: ServiceAddressRanges;
  /** Oddities of the file that do not prevent its use. */
  readonly remarks?: readonly Diagnostic[];
}

export const emptyRegistry: Registry = { clusters: [], strictCidr: undefined };

/** The cluster with that id or alias. */
export function findCluster(registry: Registry, name: ClusterName): RegisteredCluster | undefined {
  return registry.clusters.find((cluster) => cluster.id === name || cluster.aliases.includes(name));
}

export function ownCluster(registry: Registry): RegisteredCluster | undefined {
  return registry.clusters.find((cluster) => cluster.self);
}

/** The id of the cluster with this alias; any other name stays as it is. */
export function idOf(registry: Registry, name: ClusterName): ClusterName {
  return findCluster(registry, name)?.id ?? name;
}

/** The registry with the local cluster marked as such, however its id was found. */
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
 * Whether endpoints outside the ranges of their cluster are refused. An operator who registers ranges of any other
 * cluster wants them enforced: otherwise an endpoint that claims a cluster without ranges would evade the ranges of all
 * others.
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
