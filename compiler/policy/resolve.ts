import { idOf, ownCluster, type Registry } from '../registry/registry.ts';
import type { ClusterName } from '../values/names.ts';
import { type ClusterWeightKey, isEven, type Policy, type TierSelector } from './policy.ts';

/**
 * The policy with each cluster under one name: its id for an alias, `local` for the local cluster. If a policy names
 * one cluster by two names, the first counts.
 *
 * own  undefined: not known, so a policy that names the local cluster by its id matches no cluster
 */
export function resolveNames(policy: Policy, registry: Registry, own: ClusterName | undefined): Policy {
  if (isEven(policy)) return policy;
  const named = (name: ClusterName): ClusterName | 'local' => {
    const id = idOf(registry, name);
    return id === (own ?? ownCluster(registry)?.id) ? 'local' : id;
  };
  return {
    ...policy,
    failover: policy.failover.map((tier) => tier.map((selector) => resolveSelector(selector, named))),
    clusterWeights: policy.clusterWeights && resolveWeights(policy.clusterWeights, named),
    drainClusters: policy.drainClusters.map((name) => (name === 'local' ? name : named(name))),
  };
}

type Named = (name: ClusterName) => ClusterName | 'local';

function resolveSelector(selector: TierSelector, named: Named): TierSelector {
  if (selector.kind !== 'cluster') return selector;
  const cluster = named(selector.cluster);
  return cluster === 'local' ? { kind: 'local' } : { kind: 'cluster', cluster };
}

function resolveWeights(given: NonNullable<Policy['clusterWeights']>, named: Named): Map<ClusterWeightKey, number> {
  const weights = new Map<ClusterWeightKey, number>();
  for (const [name, weight] of given) {
    const key = name === 'local' || name === '*' ? name : named(name);
    if (!weights.has(key)) weights.set(key, weight);
  }
  return weights;
}
