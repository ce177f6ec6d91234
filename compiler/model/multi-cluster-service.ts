import type { Diagnostic } from '../values/diagnostic.ts';
import { type ClusterName, parseClusterName, type ServiceKey, serviceKey } from '../values/names.ts';
import { createReport, type Fields, fieldsOf, isAbsent, listOf, member, type Report, show, textOf } from './fields.ts';
import { type NamespacedMetadata, parseNamespacedMetadata } from './metadata.ts';

/** Karmada's object that spreads the Service of this namespace and name over several clusters. */
export interface MultiClusterService extends NamespacedMetadata {
  readonly key: ServiceKey;
  readonly isCrossCluster: boolean;
  /** Empty: all clusters. */
  readonly providers: readonly ClusterName[];
  readonly consumers: readonly ClusterName[];
}

/** A networking.karmada.io/v1alpha1 MultiClusterService, with the fields that are used since 1.9. */
export function parseMultiClusterService(
  object: Fields,
  cluster: ClusterName | undefined,
  diagnostics: Diagnostic[],
): MultiClusterService | undefined {
  const metadata = parseNamespacedMetadata(object, 'MultiClusterService', cluster, diagnostics);
  if (metadata === undefined) return undefined;
  const report = createReport(metadata.ref, diagnostics);
  const spec = fieldsOf(object, 'spec', 'spec', report);
  for (const [old, field] of [
    ['serviceProvisionClusters', 'providerClusters'],
    ['serviceConsumptionClusters', 'consumerClusters'],
  ] as const) {
    if (isAbsent(member(spec, old))) continue;
    report('warning', 'multi-cluster-service-old-field', `spec.${old}`, ignored(field, !isAbsent(member(spec, field))));
  }
  return {
    ...metadata,
    key: serviceKey(metadata.namespace, metadata.name),
    isCrossCluster: listOf(spec, 'types', 'spec.types', report).includes('CrossCluster'),
    providers: parseClusters(spec, 'providerClusters', report),
    consumers: parseClusters(spec, 'consumerClusters', report),
  };
}

function ignored(field: string, given: boolean): string {
  const instead = given ? `spec.${field} counts` : `all clusters are selected; use spec.${field}`;
  return `is a field of Karmada 1.8; slicewright ignores it, as later versions of Karmada do: ${instead}`;
}

/** An unreadable name must not leave the list empty: an empty list means all clusters. */
function parseClusters(spec: Fields, key: string, report: Report): ClusterName[] {
  return listOf(spec, key, `spec.${key}`, report).map((value, i) => {
    const path = `spec.${key}[${i}]`;
    const text = textOf(fieldsOf({ value }, 'value', path, report), 'name');
    const cluster = parseClusterName(text);
    if (cluster === undefined)
      report('warning', 'multi-cluster-service-bad-cluster', `${path}.name`, `${show(text)} is not a cluster name`);
    return cluster ?? nobody;
  });
}

/** Equals no cluster's name, since it is empty. */
const nobody = '' as ClusterName;
