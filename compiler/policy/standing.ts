import { findCluster, type Registry } from '../registry/registry.ts';
import type { ClusterName } from '../values/names.ts';
import type { Policy } from './policy.ts';

/**
 * What a cluster's ready endpoints are worth (MR-70 to MR-72).
 *
 *     full          as good as any
 *     second-best   of a lost cluster: for when nothing else is ready
 *     panic         of a lost cluster that is dropped: all the same better than nobody
 *     none          of a lost cluster that is dropped
 */
export type Standing = 'full' | 'second-best' | 'panic' | 'none';

/** cluster  undefined: our own, which is never lost to itself */
export function standingOf(cluster: ClusterName | undefined, policy: Policy, registry: Registry): Standing {
  const known = cluster === undefined ? undefined : findCluster(registry, cluster);
  if (known?.state !== 'Lost') return 'full';
  const onLost = policy.onClusterLost ?? known.onLost ?? 'degrade';
  if (onLost === 'keep') return 'full';
  if (onLost === 'degrade') return 'second-best';
  return policy.panic ? 'panic' : 'none';
}
