import { type ClusterName, parseClusterName } from '../values/names.ts';
import type { Metadata } from './metadata.ts';

/** The cluster that Karmada applied an object to: the local one, if the object is seen here. */
export function karmadaTarget({
  labels,
  annotations,
}: Pick<Metadata, 'labels' | 'annotations'>): ClusterName | undefined {
  // Karmada 1.8 and 1.9 write a label, later versions an annotation.
  const namespace = annotations.get('work.karmada.io/namespace') ?? labels.get('work.karmada.io/namespace');
  const prefix = 'karmada-es-';
  return namespace?.startsWith(prefix) ? parseClusterName(namespace.slice(prefix.length)) : undefined;
}
