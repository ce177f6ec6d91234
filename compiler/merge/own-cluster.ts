import type { ClusterProperty } from '../model/cluster-property.ts';
import type { Metadata } from '../model/metadata.ts';
import { idOf, ownCluster, type Registry } from '../registry/registry.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { type ClusterName, compareText, parseClusterName } from '../values/names.ts';
import type { ObjectRef } from '../values/object-ref.ts';

/** What of our own cluster's objects tells its name. */
export interface OwnClusterEvidence {
  readonly properties: Iterable<ClusterProperty>;
  /** How many of our own cluster's objects Karmada says it applied to each cluster. */
  readonly applied: ReadonlyMap<ClusterName, number>;
}

/** The id of our own cluster as its operator states it: in the configuration, else in the registry. */
export function statedOwnCluster(configured: ClusterName | undefined, registry: Registry): ClusterName | undefined {
  return configured === undefined ? ownCluster(registry)?.id : idOf(registry, configured);
}

/**
 * The id of our own cluster (MR-17): as its operator states it, else as the cluster says of itself (ClusterProperty),
 * else as Karmada's marks on at least two objects say. undefined when nothing tells or what tells disagrees.
 *
 * What the operator states stands even against disagreeing objects, which tenants can write: they are reported and not
 * followed. Where configuration and registry disagree, nothing is believed.
 */
export function findOwnCluster(
  stated: ClusterName | undefined,
  registry: Registry,
  evidence: OwnClusterEvidence,
  diagnostics: Diagnostic[],
): ClusterName | undefined {
  const registered = ownCluster(registry)?.id;
  const configured = registered === undefined || registered === stated ? stated : undefined;
  const said = new Set<ClusterName>();
  for (const id of [stated, registered]) if (id !== undefined) said.add(id);
  for (const { clusterId } of evidence.properties) if (clusterId !== undefined) said.add(idOf(registry, clusterId));
  for (const [cluster, objects] of evidence.applied) if (objects >= 2) said.add(idOf(registry, cluster));
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

/** The cluster that Karmada applied an object to: ours, if we see it here. Native slices copy labels: do not ask them. */
export function karmadaTarget({
  labels,
  annotations,
}: Pick<Metadata, 'labels' | 'annotations'>): ClusterName | undefined {
  // Karmada 1.8 and 1.9 write a label, later versions an annotation.
  const namespace = annotations.get('work.karmada.io/namespace') ?? labels.get('work.karmada.io/namespace');
  const prefix = 'karmada-es-';
  return namespace?.startsWith(prefix) ? parseClusterName(namespace.slice(prefix.length)) : undefined;
}
