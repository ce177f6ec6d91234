import type { Diagnostic } from '../values/diagnostic.ts';
import { type ClusterName, parseClusterName } from '../values/names.ts';
import { createReport, type Fields, fieldsOf, show } from './fields.ts';
import { type Metadata, parseMetadata } from './metadata.ts';

/** A cluster's own id, as its own object states it (KEP-2149). */
export interface ClusterProperty extends Metadata {
  /** Of property `cluster.clusterset.k8s.io`; undefined for any other property. */
  readonly clusterId: ClusterName | undefined;
}

/** An about.k8s.io ClusterProperty. */
export function parseClusterProperty(
  object: Fields,
  cluster: ClusterName | undefined,
  diagnostics: Diagnostic[],
): ClusterProperty | undefined {
  const metadata = parseMetadata(object, 'ClusterProperty', cluster, diagnostics);
  if (metadata === undefined) return undefined;
  if (metadata.name !== 'cluster.clusterset.k8s.io') return { ...metadata, clusterId: undefined };
  const report = createReport(metadata.ref, diagnostics);
  const { value } = fieldsOf(object, 'spec', 'spec', report);
  const clusterId = parseClusterName(value);
  if (clusterId === undefined) {
    report(
      'error',
      'bad-cluster-id',
      'spec.value',
      `${show(value)} is not a cluster id; the local cluster has no name`,
    );
  }
  return { ...metadata, clusterId };
}
