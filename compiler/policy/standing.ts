import { findCluster, type Registry } from '../registry/registry.ts';
import type { ClusterName } from '../values/names.ts';
import type { Policy } from './policy.ts';

/**
 * How a cluster's ready endpoints are used (MR-70 to MR-72).
 *
 *     full          as any other
 *     second-best   of a lost cluster: used when no other endpoint is ready
 *     panic         of a lost cluster that is dropped: used when there is nothing else at all
 *     none          of a lost cluster that is dropped: never used
 */
export type Standing = 'full' | 'second-best' | 'panic' | 'none';

/** cluster  undefined: the local cluster, which is never lost to itself */
export function standingOf(cluster: ClusterName | undefined, policy: Policy, registry: Registry): Standing {
  const known = cluster === undefined ? undefined : findCluster(registry, cluster);
  if (known?.state !== 'Lost') return 'full';
  const onLost = policy.onClusterLost ?? known.onLost ?? 'degrade';
  if (onLost === 'keep') return 'full';
  if (onLost === 'degrade') return 'second-best';
  return policy.panic ? 'panic' : 'none';
}
