import type { Family } from './address.ts';
import type { Brand } from './brand.ts';
import { oneText } from './one-text.ts';
import type { Protocol } from './port.ts';

/** Id of a cluster of the cluster set: a DNS-1123 name, or two labels joined by a dot (KEP-1645). */
export type ClusterName = Brand<string, 'ClusterName'>;
/** `namespace/name` of a Service; for a ServiceImport see importKey. */
export type ServiceKey = Brand<string, 'ServiceKey'>;
/** `namespace/name:port/TCP/IPv4`; without `:port` for an unnamed port. Unique on a node. */
export type ServicePortId = Brand<string, 'ServicePortId'>;
/** Kubernetes namespace: a DNS-1123 label. */
export type Namespace = Brand<string, 'Namespace'>;
/** Name of a namespaced object: a DNS-1123 subdomain. */
export type ObjectName = Brand<string, 'ObjectName'>;
/** Name of a port of a Service or slice: a DNS-1123 label, or empty for the unnamed port. */
export type PortName = Brand<string, 'PortName'>;

const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** The API server's rule: the whole name has a maximum length, its labels do not. */
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

function isSubdomain(text: string): boolean {
  return text.length <= 253 && subdomain.test(text);
}

export function parseNamespace(value: unknown): Namespace | undefined {
  return typeof value === 'string' && label.test(value) ? (value as Namespace) : undefined;
}

/** Any object name, as the API server allows it for Services and EndpointSlices; undefined otherwise. */
export function parseObjectName(value: unknown): ObjectName | undefined {
  return typeof value === 'string' && isSubdomain(value) ? (value as ObjectName) : undefined;
}

export function parsePortName(value: unknown): PortName | undefined {
  return value === '' || (typeof value === 'string' && label.test(value)) ? (value as PortName) : undefined;
}

/** No cluster may be called `local`: policies, reports and metrics use that word for the local cluster. */
export function parseClusterName(value: unknown): ClusterName | undefined {
  return typeof value === 'string' && value !== 'local' && isSubdomain(value) ? (value as ClusterName) : undefined;
}

/**
 * Stands for a source cluster that matches no known cluster's name (MR-12): `unknown:member1`.
 * It equals no cluster's id, since ids have no colon.
 */
export function unresolvedCluster(hint: string): ClusterName {
  return `unknown:${hint.toLowerCase().replace(/[^a-z0-9.-]/g, '')}` as ClusterName;
}

export function serviceKey(namespace: Namespace, name: ObjectName): ServiceKey {
  return oneText([namespace, name], '/') as ServiceKey;
}

/**
 * The key of the ServiceImport of a Service's namespace and name: `shop/cart@clusterset`. Import and Service are
 * independent objects (MR-10), and no object's name has an `@`.
 */
export function importKey(service: ServiceKey): ServiceKey {
  return `${service}@clusterset` as ServiceKey;
}

/**
 * kube-proxy's service port name: `ns/name` or `ns/name:port`.
 * It appears in comments and is hashed into chain names, so it must stay exactly as kube-proxy writes it.
 */
export function servicePortText(service: ServiceKey, portName: PortName): string {
  return portName === '' ? service : `${service}:${portName}`;
}

export function servicePortId(
  service: ServiceKey,
  portName: PortName,
  protocol: Protocol,
  family: Family,
): ServicePortId {
  return oneText([servicePortText(service, portName), protocol, family], '/') as ServicePortId;
}

/** The service port name within an id: the name that people and Events use for the Service port. */
export function servicePortIn(id: string): string {
  return id.split('/').slice(0, 2).join('/');
}

/** Byte-wise order of text: never the locale's order, which differs between machines. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
