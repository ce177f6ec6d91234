import { canonicalJson } from '../values/canonical-json.ts';
import type { ClusterName } from '../values/names.ts';
import type { RegisteredCluster, Registry } from './registry.ts';

/** The settings of a cluster that decide only what its own endpoints get. */
type Use = Pick<RegisteredCluster, 'state' | 'onLost' | 'weight' | 'drain'>;

/**
 * Ids and aliases of the clusters whose endpoints get something else under another registry, where the registries differ
 * in nothing besides that. A cluster that is lost, or comes back, changes no Service without endpoints there.
 *
 * returns  undefined: the registries differ in something that any Service may depend on
 */
export function clustersUsedOtherwise(before: Registry, after: Registry): ReadonlySet<ClusterName> | undefined {
  if (before === after) return new Set();
  if (canonicalJson(withoutUse(before)) !== canonicalJson(withoutUse(after))) return undefined;
  const changed = after.clusters.filter((cluster, i) => useOf(cluster) !== useOf(before.clusters[i]));
  // Weights of the local cluster count for endpoints that name no cluster.
  if (changed.some(({ self }) => self)) return undefined;
  return new Set(changed.flatMap(({ id, aliases }) => [id, ...aliases]));
}

/** Remarks are reported whenever diagnostics are asked for; no Service is compiled with them. */
function withoutUse({ clusters, remarks: _remarks, ...rest }: Registry): unknown {
  return {
    ...rest,
    clusters: clusters.map(({ state: _state, onLost: _onLost, weight: _weight, drain: _drain, ...others }) => others),
  };
}

/** All states but Lost mean the same for connections. */
function useOf(cluster: Use | undefined): string {
  return `${cluster?.state === 'Lost'} ${cluster?.onLost} ${cluster?.weight} ${cluster?.drain}`;
}
