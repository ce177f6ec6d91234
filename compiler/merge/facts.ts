import type { Settings } from '../settings.ts';
import type { IpAddress } from '../values/address.ts';
import type { ClusterName } from '../values/names.ts';

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
  /** Whether an address is ours, so that no other cluster's slice may claim it (MR-15). */
  readonly reserved: (address: IpAddress) => 'node' | 'cluster IP' | undefined;
}

/** Whether all Services see the same facts, but for reserved addresses, which concern few. */
export function areSameFacts(a: MergeFacts, b: MergeFacts): boolean {
  return (
    a.nodeName === b.nodeName &&
    a.zone === b.zone &&
    a.own === b.own &&
    a.knownClusters.join() === b.knownClusters.join()
  );
}
