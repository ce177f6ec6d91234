import type { Diagnostic } from '../values/diagnostic.ts';
import { type ClusterName, type ServiceKey, serviceKey } from '../values/names.ts';
import type { Fields } from './fields.ts';
import { type NamespacedMetadata, parseNamespacedMetadata } from './metadata.ts';

/** Offers the cluster's Service of this namespace and name to the whole cluster set. */
export interface ServiceExport extends NamespacedMetadata {
  readonly key: ServiceKey;
}

/** A multicluster.x-k8s.io ServiceExport. Its conditions matter only to its controller. */
export function parseServiceExport(
  object: Fields,
  cluster: ClusterName | undefined,
  diagnostics: Diagnostic[],
): ServiceExport | undefined {
  const metadata = parseNamespacedMetadata(object, 'ServiceExport', cluster, diagnostics);
  if (metadata === undefined) return undefined;
  const { ref, name, labels, annotations, createdMs, namespace } = metadata;
  return { ref, name, labels, annotations, createdMs, namespace, key: serviceKey(namespace, name) };
}
