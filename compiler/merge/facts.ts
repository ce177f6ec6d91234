import type { ClusterModel } from '../model/objects.ts';
import type { Node } from '../model/node.ts';
import type { Settings } from '../settings.ts';
import type { IpAddress } from '../values/address.ts';
import { type ClusterName, compareText, parseClusterName } from '../values/names.ts';

/** What the merge of one Service must know besides the Service and its slices. */
export interface MergeFacts {
  /** kube-proxy's choices: no rule of ours about sources (MR-46). */
  readonly compat: boolean;
  /** Feature gates given by name. */
  readonly featureGates: Settings['featureGates'];
  /** The node that is compiled for. */
  readonly nodeName: string | undefined;
  readonly zone: string | undefined;
  /** undefined: not known, so slices that came back cannot be told (MR-11). */
  readonly own: ClusterName | undefined;
  /** Ids that the name rule may find in a slice's name, longest first (MR-12). */
  readonly knownClusters: readonly ClusterName[];
  /** Addresses that are ours and that no other cluster's slice may claim (MR-15). */
  readonly reserved: ReadonlyMap<IpAddress, 'node' | 'cluster IP'>;
}

/**
 * Ids of clusters that the objects name: the own one, those whose objects we were given, and those that marks of
 * slices spell out. Native slices don't count: their labels are copied from the Service and prove nothing (L1).
 */
export function findKnownClusters(models: readonly ClusterModel[], own: ClusterName | undefined): ClusterName[] {
  const known = new Set<ClusterName>();
  const add = (name: unknown): void => {
    const cluster = parseClusterName(name);
    if (cluster !== undefined) known.add(cluster);
  };
  add(own);
  for (const model of models) {
    add(model.cluster);
    for (const { marks } of model.slices) {
      if (marks.native) continue;
      add(marks.provisionCluster);
      add(marks.sourceCluster);
    }
  }
  return [...known].sort((a, b) => b.length - a.length || compareText(a, b));
}

/** Addresses of our nodes and cluster IPs of our Services. */
export function findReserved(
  model: ClusterModel,
  localAddresses: readonly IpAddress[],
): Map<IpAddress, 'node' | 'cluster IP'> {
  const reserved = new Map<IpAddress, 'node' | 'cluster IP'>();
  for (const { clusterIPs } of model.services) {
    for (const address of Object.values(clusterIPs)) reserved.set(address, 'cluster IP');
  }
  for (const node of model.nodes) for (const address of nodeAddresses(node)) reserved.set(address, 'node');
  for (const address of localAddresses) reserved.set(address, 'node');
  return reserved;
}

export function nodeAddresses(node: Node): readonly IpAddress[] {
  return [...node.addresses, ...(node.localAddresses ?? [])];
}
