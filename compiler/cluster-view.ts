import type { CompilerContext } from './engine.ts';
import { statedOwnCluster } from './merge/own-cluster.ts';
import { emptyRegistry, idOf, type Registry } from './registry/registry.ts';
import type { ClusterName } from './values/names.ts';

/** The name of a cluster inside the compiler: its id; undefined for the local cluster, even if it has an id. */
export function viewOf(
  cluster: ClusterName | undefined,
  { settings, registry = emptyRegistry }: Pick<CompilerContext, 'settings' | 'registry'>,
): ClusterName | undefined {
  if (cluster === undefined) return undefined;
  const id = idOf(registry, cluster);
  return id === statedOwnCluster(settings.ownCluster, registry) ? undefined : id;
}

/**
 * Whether clusters whose objects are given keep their names under another registry; if not, a new compiler is needed.
 */
export function callsAlike(
  clusters: Iterable<ClusterName | undefined>,
  context: Pick<CompilerContext, 'settings' | 'registry'>,
  next: Registry,
): boolean {
  return [...clusters].every(
    (cluster) => viewOf(cluster, context) === viewOf(cluster, { settings: context.settings, registry: next }),
  );
}
