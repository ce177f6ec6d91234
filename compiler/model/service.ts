import type { Cidr, Family, IpAddress } from '../values/address.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { type ClusterName, type ServiceKey, serviceKey } from '../values/names.ts';
import type { Port } from '../values/port.ts';
import { createReport, type Fields, fieldsOf, isAbsent, listOf, member, type Report, show } from './fields.ts';
import { isServedByOthers, type NamespacedMetadata, parseNamespacedMetadata } from './metadata.ts';
import {
  type LoadBalancerIP,
  parseAddresses,
  parseClusterIPs,
  parseIngress,
  parseSourceRanges,
} from './service-addresses.ts';
import { optionalPort, parsePorts, type ServicePort } from './service-ports.ts';

export type Affinity = { readonly kind: 'none' } | { readonly kind: 'clientIP'; readonly seconds: number };

/** Why a Service gets no rules at all, not even for its external addresses (IPT-3.1). */
export type SkipReason = 'foreign-proxy' | 'headless' | 'no-cluster-ip' | 'external-name';

/** A Service reduced to the fields that rules are made from, both families together. */
export interface Service extends NamespacedMetadata {
  readonly key: ServiceKey;
  /** The kind of its clusterIPs: a ServiceImport's belong to the cluster set. */
  readonly vip: 'clusterIP' | 'clusterSetIP';
  /** Set: all other fields are empty. */
  readonly skipped: SkipReason | undefined;
  readonly clusterIPs: Readonly<Partial<Record<Family, IpAddress>>>;
  /** Unique by name and protocol. */
  readonly ports: readonly ServicePort[];
  /** In the object's order, like all lists here. */
  readonly externalIPs: readonly IpAddress[];
  readonly loadBalancerIPs: readonly LoadBalancerIP[];
  /** Its type is LoadBalancer: a controller gives it those addresses. */
  readonly isLoadBalancer: boolean;
  readonly sourceRanges: readonly Cidr[];
  /** The object has ranges, valid or not: its owner wants the load balancer restricted. */
  readonly hasSourceRanges: boolean;
  readonly affinity: Affinity;
  /** externalTrafficPolicy Local, on a type that has external traffic. */
  readonly externalPolicyLocal: boolean;
  readonly internalPolicyLocal: boolean;
  /** Only where it applies: a LoadBalancer with externalPolicyLocal. */
  readonly healthCheckNodePort: Port | undefined;
  /** The one of the two topology annotations that counts; empty when there is none. */
  readonly hintsAnnotation: string;
  readonly trafficDistribution: 'PreferSameZone' | 'PreferSameNode' | undefined;
}

type ServiceSpec = Omit<Service, keyof NamespacedMetadata | 'key' | 'vip' | 'skipped' | 'hintsAnnotation'>;

/** The spec of a Service that requests nothing. */
export const emptySpec: ServiceSpec = {
  clusterIPs: {},
  ports: [],
  externalIPs: [],
  loadBalancerIPs: [],
  isLoadBalancer: false,
  sourceRanges: [],
  hasSourceRanges: false,
  affinity: { kind: 'none' },
  externalPolicyLocal: false,
  internalPolicyLocal: false,
  healthCheckNodePort: undefined,
  trafficDistribution: undefined,
};

/**
 * A v1 Service; undefined only if its name is unusable. A bad field is reported and left out,
 * with the port or address that it belongs to, and the rest of the Service stays.
 */
export function parseService(
  object: Fields,
  cluster: ClusterName | undefined,
  diagnostics: Diagnostic[],
  proxyName?: string,
): Service | undefined {
  const metadata = parseNamespacedMetadata(object, 'Service', cluster, diagnostics);
  if (metadata === undefined) return undefined;
  const report = createReport(metadata.ref, diagnostics);
  const spec = fieldsOf(object, 'spec', 'spec', report);
  const status = fieldsOf(object, 'status', 'status', report);
  const isForeign = isServedByOthers(metadata.labels, cluster, proxyName);
  const skipped = isForeign ? 'foreign-proxy' : skipReason(spec, report);
  return {
    ...metadata,
    key: serviceKey(metadata.namespace, metadata.name),
    vip: 'clusterIP',
    skipped,
    hintsAnnotation: hintsAnnotationOf(metadata),
    ...(skipped === undefined ? parseSpec(spec, status, report) : emptySpec),
  };
}

function skipReason(spec: Fields, report: Report): SkipReason | undefined {
  if (spec.type === 'ExternalName') return 'external-name';
  if (spec.clusterIP === 'None') return 'headless';
  if (isAbsent(spec.clusterIP) || spec.clusterIP === '') {
    report('info', 'no-cluster-ip', 'spec.clusterIP', 'is not set; nothing is programmed for this Service');
    return 'no-cluster-ip';
  }
  return undefined;
}

function parseSpec(spec: Fields, status: Fields, report: Report): ServiceSpec {
  const type = parseType(spec, report);
  const givenExternalIPs = listOf(spec, 'externalIPs', 'spec.externalIPs', report);
  const hasExternalTraffic = type !== 'ClusterIP' || givenExternalIPs.length > 0;
  const externalPolicyLocal = isLocalPolicy(spec, 'externalTrafficPolicy', report) && hasExternalTraffic;
  return {
    clusterIPs: parseClusterIPs(spec, report),
    ports: parsePorts(spec, report),
    externalIPs: parseAddresses(givenExternalIPs, 'spec.externalIPs', report),
    loadBalancerIPs: parseIngress(status, report),
    isLoadBalancer: type === 'LoadBalancer',
    sourceRanges: parseSourceRanges(spec, report),
    hasSourceRanges: Array.isArray(spec.loadBalancerSourceRanges) && spec.loadBalancerSourceRanges.length > 0,
    affinity: parseAffinity(spec, report),
    externalPolicyLocal,
    internalPolicyLocal: isLocalPolicy(spec, 'internalTrafficPolicy', report),
    healthCheckNodePort:
      type === 'LoadBalancer' && externalPolicyLocal
        ? optionalPort(spec.healthCheckNodePort, 'spec.healthCheckNodePort', 'health checks are not answered', report)
        : undefined,
    trafficDistribution: parseTrafficDistribution(spec, report),
  };
}

function parseType(spec: Fields, report: Report): 'ClusterIP' | 'NodePort' | 'LoadBalancer' {
  const type = spec.type;
  if (isAbsent(type) || type === 'ClusterIP') return 'ClusterIP';
  if (type === 'NodePort' || type === 'LoadBalancer') return type;
  report('warning', 'service-bad-type', 'spec.type', `${show(type)} is not a Service type; using ClusterIP`);
  return 'ClusterIP';
}

/** Whether a traffic policy says Local. */
export function isLocalPolicy(spec: Fields, key: string, report: Report): boolean {
  const value = member(spec, key);
  if (value === 'Local') return true;
  if (!isAbsent(value) && value !== 'Cluster' && value !== '') {
    report(
      'warning',
      'service-bad-policy',
      `spec.${key}`,
      `${show(value)} is not valid: use Cluster or Local; using Cluster`,
    );
  }
  return false;
}

/** The API server's default. */
const defaultAffinitySeconds = 10800;

export function parseAffinity(spec: Fields, report: Report): Affinity {
  const value = spec.sessionAffinity;
  if (value !== 'ClientIP') {
    if (!isAbsent(value) && value !== 'None' && value !== '') {
      report(
        'warning',
        'service-bad-affinity',
        'spec.sessionAffinity',
        `${show(value)} is not valid: use None or ClientIP; using None`,
      );
    }
    return { kind: 'none' };
  }
  const config = fieldsOf(spec, 'sessionAffinityConfig', 'spec.sessionAffinityConfig', report);
  const clientIP = fieldsOf(config, 'clientIP', 'spec.sessionAffinityConfig.clientIP', report);
  const seconds = clientIP.timeoutSeconds ?? defaultAffinitySeconds;
  if (Number.isInteger(seconds) && Number(seconds) >= 1 && Number(seconds) <= 86400) {
    return { kind: 'clientIP', seconds: Number(seconds) };
  }
  const field = 'spec.sessionAffinityConfig.clientIP.timeoutSeconds';
  report(
    'warning',
    'service-bad-affinity',
    field,
    `${show(seconds)} is outside 1–86400; ${defaultAffinitySeconds} is used`,
  );
  return { kind: 'clientIP', seconds: defaultAffinitySeconds };
}

/** If the older annotation exists, it wins, even when it is empty. */
function hintsAnnotationOf(metadata: NamespacedMetadata): string {
  const older = 'service.kubernetes.io/topology-aware-hints';
  return metadata.annotations.get(older) ?? metadata.annotations.get('service.kubernetes.io/topology-mode') ?? '';
}

export function parseTrafficDistribution(spec: Fields, report: Report): Service['trafficDistribution'] {
  const value = spec.trafficDistribution;
  if (isAbsent(value)) return undefined;
  if (value === 'PreferClose' || value === 'PreferSameZone') return 'PreferSameZone';
  if (value === 'PreferSameNode') return 'PreferSameNode';
  report(
    'warning',
    'service-bad-traffic-distribution',
    'spec.trafficDistribution',
    `${show(value)} is not known; it is ignored`,
  );
  return undefined;
}
