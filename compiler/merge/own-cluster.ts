import type { ClusterProperty } from '../model/cluster-property.ts';
import type { Service } from '../model/service.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { type ClusterName, compareText, parseClusterName } from '../values/names.ts';
import type { ObjectRef } from '../values/object-ref.ts';

/** What of our own cluster's objects tells its name. */
export interface OwnClusterEvidence {
  readonly properties: Iterable<ClusterProperty>;
  /** How many Services Karmada says it applied to each cluster. */
  readonly applied: ReadonlyMap<ClusterName, number>;
}

/**
 * The id of our own cluster (MR-17): as configured, else as the cluster says of itself (ClusterProperty), else as
 * Karmada's marks on at least two Services say. undefined when nothing tells or what tells disagrees.
 *
 * Configuration stands even against disagreeing objects, which tenants can write: they are reported and not followed.
 */
export function findOwnCluster(
  configured: ClusterName | undefined,
  evidence: OwnClusterEvidence,
  diagnostics: Diagnostic[],
): ClusterName | undefined {
  const said = new Set<ClusterName>();
  if (configured !== undefined) said.add(configured);
  for (const { clusterId } of evidence.properties) if (clusterId !== undefined) said.add(clusterId);
  for (const [cluster, services] of evidence.applied) if (services >= 2) said.add(cluster);
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

/** The cluster that Karmada applied a Service to: ours, if we see it here. Native slices copy labels, so ask Services. */
export function karmadaTarget({ labels, annotations }: Service): ClusterName | undefined {
  // Karmada 1.8 and 1.9 write a label, later versions an annotation.
  const namespace = annotations.get('work.karmada.io/namespace') ?? labels.get('work.karmada.io/namespace');
  const prefix = 'karmada-es-';
  return namespace?.startsWith(prefix) ? parseClusterName(namespace.slice(prefix.length)) : undefined;
}
