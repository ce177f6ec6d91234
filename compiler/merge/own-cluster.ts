import type { ClusterModel } from '../model/objects.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { type ClusterName, compareText, parseClusterName } from '../values/names.ts';
import type { ObjectRef } from '../values/object-ref.ts';
import type { Service } from '../model/service.ts';

/**
 * The id of our own cluster (MR-17): as configured, else as the cluster says of itself (ClusterProperty), else as
 * Karmada's marks on at least two Services say. undefined when nothing tells or what tells disagrees.
 *
 * Configuration stands even against disagreeing objects, which tenants can write: they are reported and not followed.
 */
export function findOwnCluster(
  configured: ClusterName | undefined,
  model: ClusterModel,
  diagnostics: Diagnostic[],
): ClusterName | undefined {
  const property = model.properties.find(({ clusterId }) => clusterId !== undefined)?.clusterId;
  const said = new Set([configured, property, ...karmadaClusters(model.services)].filter((name) => name !== undefined));
  if (said.size <= 1) return [...said][0];
  const names = [...said].sort(compareText).join(', ');
  const then = configured === undefined ? 'the own cluster stays unnamed' : `${configured}, as configured, is used`;
  diagnostics.push({
    severity: 'error',
    code: 'own-cluster-ambiguous',
    object: clusterObject,
    message: `goes by several names in configuration and objects (${names}); ${then}`,
  });
  return configured;
}

/** Stands for the own cluster in diagnostics that are about no object of it. */
export const clusterObject: ObjectRef = { kind: 'cluster', name: 'local' };

/** Clusters that at least two Services were applied to, by Karmada's execution namespace on them. */
function karmadaClusters(services: readonly Service[]): ClusterName[] {
  const counts = new Map<string, number>();
  for (const { labels, annotations } of services) {
    // Karmada 1.8 and 1.9 write a label, later versions an annotation.
    const namespace = annotations.get('work.karmada.io/namespace') ?? labels.get('work.karmada.io/namespace');
    if (!namespace?.startsWith('karmada-es-')) continue;
    const name = namespace.slice('karmada-es-'.length);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const names = [...counts].filter(([, count]) => count >= 2).map(([name]) => parseClusterName(name));
  return names.filter((name) => name !== undefined);
}
