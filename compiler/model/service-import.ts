import { type Family, familyOf, type IpAddress } from '../values/address.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import {
  type ClusterName,
  compareText,
  importKey,
  parseClusterName,
  parseObjectName,
  type ServiceKey,
  serviceKey,
} from '../values/names.ts';
import { createReport, type Fields, fieldsOf, listOf, type Report, show, textOf } from './fields.ts';
import { isServedByOthers, type NamespacedMetadata, parseNamespacedMetadata } from './metadata.ts';
import {
  emptySpec,
  isLocalPolicy,
  parseAffinity,
  parseTrafficDistribution,
  type Service,
  type SkipReason,
} from './service.ts';
import { parseAddresses } from './service-addresses.ts';
import { parsePorts } from './service-ports.ts';

/** A Service of the cluster set, as this cluster may use it. */
export interface ServiceImport extends NamespacedMetadata {
  /** The Services of that name in the clusters that export it. */
  readonly exported: ServiceKey;
  /**
   * The Service that would stand for it here: the annotated one, else `derived-NAME` as Karmada has it, unless that is
   * too long.
   */
  readonly derived: ServiceKey | undefined;
  /** An annotation names the Service, so it is meant to exist. */
  readonly isDerived: boolean;
  /**
   * The Service that it acts as where no Service is derived from it: at the cluster set's addresses, and no others
   * (MR-53).
   */
  readonly service: Service;
  /** Clusters that export it, according to its status. */
  readonly exporters: readonly ClusterName[];
}

/** A multicluster.x-k8s.io ServiceImport. A bad field is reported, and only that field is left out. */
export function parseServiceImport(
  object: Fields,
  cluster: ClusterName | undefined,
  diagnostics: Diagnostic[],
  proxyName?: string,
): ServiceImport | undefined {
  const metadata = parseNamespacedMetadata(object, 'ServiceImport', cluster, diagnostics);
  if (metadata === undefined) return undefined;
  const report = createReport(metadata.ref, diagnostics);
  const spec = fieldsOf(object, 'spec', 'spec', report);
  const annotated = parseObjectName(derivedAnnotation(metadata));
  const exported = serviceKey(metadata.namespace, metadata.name);
  const derived = annotated ?? parseObjectName(`derived-${metadata.name}`);
  return {
    ...metadata,
    exported,
    derived: derived && serviceKey(metadata.namespace, derived),
    isDerived: annotated !== undefined,
    service: isServedByOthers(metadata.labels, cluster, proxyName)
      ? { ...importedService(metadata, exported), skipped: 'foreign-proxy' }
      : asService(metadata, exported, spec, report),
    exporters: parseExporters(fieldsOf(object, 'status', 'status', report), report),
  };
}

/**
 * The MCS API's annotation; where it is missing, a provider's own annotation of that name, such as `net.gke.io/derived-
 * service`.
 */
function derivedAnnotation({ annotations }: NamespacedMetadata): string | undefined {
  const standard = annotations.get('multicluster.kubernetes.io/derived-service');
  if (standard !== undefined) return standard;
  const [other] = [...annotations.keys()].filter((key) => key.endsWith('/derived-service')).sort(compareText);
  return other === undefined ? undefined : annotations.get(other);
}

function asService(metadata: NamespacedMetadata, exported: ServiceKey, spec: Fields, report: Report): Service {
  const addresses = parseAddresses(listOf(spec, 'ips', 'spec.ips', report), 'spec.ips', report);
  const skipped: SkipReason | undefined =
    spec.type === 'Headless' ? 'headless' : addresses.length === 0 ? 'no-cluster-ip' : undefined;
  const common = { ...importedService(metadata, exported), skipped };
  if (skipped !== undefined) return common;
  return {
    ...common,
    clusterIPs: onePerFamily(addresses, report),
    ports: parsePorts(spec, report).map((port) => ({ ...port, nodePort: undefined })),
    affinity: parseAffinity(spec, report),
    internalPolicyLocal: isLocalPolicy(spec, 'internalTrafficPolicy', report),
    trafficDistribution: parseTrafficDistribution(spec, report),
  };
}

function importedService(metadata: NamespacedMetadata, exported: ServiceKey): Omit<Service, 'skipped'> {
  return { ...metadata, ...emptySpec, key: importKey(exported), vip: 'clusterSetIP', hintsAnnotation: '' };
}

function onePerFamily(addresses: readonly IpAddress[], report: Report): Partial<Record<Family, IpAddress>> {
  const result: Partial<Record<Family, IpAddress>> = {};
  for (const address of addresses) {
    const family = familyOf(address);
    if (result[family] === undefined) result[family] = address;
    else
      report('warning', 'import-several-ips', 'spec.ips', `${address} is a second ${family} address; it is left out`);
  }
  return result;
}

function parseExporters(status: Fields, report: Report): ClusterName[] {
  const clusters: ClusterName[] = [];
  for (const [i, value] of listOf(status, 'clusters', 'status.clusters', report).entries()) {
    const path = `status.clusters[${i}]`;
    const text = textOf(fieldsOf({ value }, 'value', path, report), 'cluster');
    const cluster = parseClusterName(text);
    if (cluster !== undefined) clusters.push(cluster);
    else
      report('warning', 'import-bad-cluster', `${path}.cluster`, `${show(text)} is not a cluster id; it is left out`);
  }
  return clusters;
}
