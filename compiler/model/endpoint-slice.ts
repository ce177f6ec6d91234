import { type Family, familyOf, type IpAddress, parseAddress } from '../values/address.ts';
import { exact } from '../values/exact.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { type ClusterName, type ObjectName, type PortName, parseObjectName, parsePortName } from '../values/names.ts';
import { type Port, parsePort, parseProtocol, type Protocol } from '../values/port.ts';
import { karmadaTarget } from './karmada-target.ts';
import { createReport, type Fields, fieldsOf, isAbsent, listOf, member, type Report, show, textOf } from './fields.ts';
import { parseSlicePorts, parseSliceWeight, type PublishedPort } from './slice-annotations.ts';
import type { ObjectRef } from '../values/object-ref.ts';
import { isSliceForOthers, type NamespacedMetadata, parseNamespacedMetadata, parseTimestamp } from './metadata.ts';
import { type UnfitAddress, unfitForEndpoint } from './special-address.ts';

export interface SlicePort {
  readonly name: PortName;
  readonly protocol: Protocol;
  readonly port: Port;
}

export interface SliceEndpoint {
  /** Position in the slice. */
  readonly index: number;
  readonly address: IpAddress;
  /** Set: the address is refused from any source. */
  readonly special: UnfitAddress | undefined;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly nodeName: string | undefined;
  readonly zone: string | undefined;
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
}

/** Values of label endpointslice.kubernetes.io/managed-by. */
export const managedBy = {
  native: 'endpointslice-controller.k8s.io',
  mirroring: 'endpointslicemirroring-controller.k8s.io',
  karmadaDispatch: 'endpointslice-dispatch-controller.karmada.io',
  karmadaImport: 'endpointslice-controller.karmada.io',
} as const;

/** kube-proxy measures network_programming_duration_seconds from it. */
const triggerAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';

/** Marks on a slice that show where it comes from, as written there; compiler/merge/source.ts evaluates them. */
export interface SliceMarks {
  /** Written by a controller that knows only its own cluster. */
  readonly native: boolean;
  readonly managedBy: string | undefined;
  /** Label multicluster.kubernetes.io/source-cluster. */
  readonly sourceCluster: string | undefined;
  /** Annotation endpointslice.karmada.io/provision-cluster. */
  readonly provisionCluster: string | undefined;
  readonly appliedByKarmada: boolean;
  /** The cluster that Karmada applied it to. */
  readonly karmadaTarget: ClusterName | undefined;
}

/** Nearly all slices have these marks, and all of those share them. */
const nativeAlone: SliceMarks = {
  native: true,
  managedBy: managedBy.native,
  sourceCluster: undefined,
  provisionCluster: undefined,
  appliedByKarmada: false,
  karmadaTarget: undefined,
};

/** Of its labels and annotations only what the fields say is kept: of many clusters there are very many slices. */
export interface EndpointSlice extends Omit<NamespacedMetadata, 'labels' | 'annotations'> {
  readonly family: Family;
  /** Label kubernetes.io/service-name. */
  readonly serviceName: ObjectName | undefined;
  /** Label multicluster.kubernetes.io/service-name: the ServiceImport that it feeds, where it names no Service. */
  readonly importName: ObjectName | undefined;
  /** Relative share of new connections, per endpoint; 0 drains. */
  readonly weight: number;
  /** The ports of the Service that it was taken from, where its writer states them; undefined: not known. */
  readonly servicePorts: readonly PublishedPort[] | undefined;
  /**
   * When the event behind the last change happened (a pod became ready), as its controller stamped it; milliseconds
   * since 1970.
   */
  readonly triggeredMs: number | undefined;
  /** Labelled for another proxy, or headless. */
  readonly hidden: boolean;
  readonly marks: SliceMarks;
  /** Unique by name and protocol. */
  readonly ports: readonly SlicePort[];
  /** Of the slice's own family, in the object's order. */
  readonly endpoints: readonly SliceEndpoint[];
}

/**
 * A discovery.k8s.io/v1 EndpointSlice; undefined if its name or address type is unusable.
 * A bad port or endpoint is reported, and only that part is left out.
 */
export function parseEndpointSlice(
  object: Fields,
  cluster: ClusterName | undefined,
  diagnostics: Diagnostic[],
  proxyName?: string,
): EndpointSlice | undefined {
  const metadata = parseNamespacedMetadata(object, 'EndpointSlice', cluster, diagnostics);
  if (metadata === undefined) return undefined;
  const report = createReport(metadata.ref, diagnostics);
  const family = parseAddressType(object.addressType, report);
  if (family === undefined) return undefined;
  const serviceName = parseServiceName('kubernetes.io/service-name', metadata, report);
  const service = serviceName && { ...metadata.ref, kind: 'Service', name: serviceName };
  const { ref, name, createdMs, namespace } = metadata;
  return {
    ref,
    name,
    createdMs,
    namespace,
    family,
    serviceName,
    importName: parseServiceName('multicluster.kubernetes.io/service-name', metadata, report),
    weight: parseSliceWeight(metadata.annotations, report),
    servicePorts: parseSlicePorts(metadata.annotations, report),
    triggeredMs: parseTimestamp(metadata.annotations.get(triggerAnnotation)),
    hidden: isSliceForOthers(metadata.labels, proxyName),
    marks: parseMarks(metadata),
    ports: parsePorts(object, report),
    endpoints: parseEndpoints(object, { family, service, report }),
  };
}

function parseAddressType(value: unknown, report: Report): Family | undefined {
  if (value === 'IPv4' || value === 'IPv6') return value;
  const message =
    value === 'FQDN'
      ? 'rules cannot contain host names; the slice is ignored'
      : `${show(value)} is not valid: use IPv4 or IPv6; the slice is left out`;
  report('warning', value === 'FQDN' ? 'slice-fqdn' : 'slice-bad-address-type', 'addressType', message);
  return undefined;
}

function parseServiceName(label: string, metadata: NamespacedMetadata, report: Report): ObjectName | undefined {
  const value = metadata.labels.get(label);
  if (value === undefined || value === '') return undefined;
  const name = parseObjectName(value);
  if (name === undefined) {
    const field = `metadata.labels["${label}"]`;
    report(
      'warning',
      'slice-bad-service-name',
      field,
      `${show(value)} is not a Service name; the slice belongs to no Service`,
    );
  }
  return name;
}

function parseMarks(metadata: NamespacedMetadata): SliceMarks {
  const { labels, annotations } = metadata;
  const manager = labels.get('endpointslice.kubernetes.io/managed-by') || undefined;
  const marks: SliceMarks = {
    native: manager === managedBy.native || manager === managedBy.mirroring,
    managedBy: manager,
    sourceCluster: labels.get('multicluster.kubernetes.io/source-cluster') || undefined,
    provisionCluster: annotations.get('endpointslice.karmada.io/provision-cluster') || undefined,
    appliedByKarmada:
      labels.get('karmada.io/managed') === 'true' ||
      labels.has('work.karmada.io/permanent-id') ||
      labels.has('work.karmada.io/name') ||
      annotations.has('work.karmada.io/name'),
    karmadaTarget: karmadaTarget(metadata),
  };
  return areEqual(marks, nativeAlone) ? nativeAlone : marks;
}

function areEqual(a: SliceMarks, b: SliceMarks): boolean {
  return (Object.keys(a) as (keyof SliceMarks)[]).every((key) => a[key] === b[key]);
}

function parsePorts(object: Fields, report: Report): readonly SlicePort[] {
  const values = listOf(object, 'ports', 'ports', report);
  const ports = new Map<string, SlicePort>();
  for (let i = 0; i < values.length; i++) {
    const port = parsePortAt(values[i], `ports[${i}]`, report);
    if (port === undefined) continue;
    const key = `${port.name}/${port.protocol}`;
    if (ports.has(key)) {
      report(
        'warning',
        'slice-duplicate-port',
        `ports[${i}]`,
        `repeats port "${port.name}" ${port.protocol}; the first one is used`,
      );
    } else {
      ports.set(key, port);
    }
  }
  return shared(exact(ports.values()));
}

/** Lists of one port that slices have: nearly all slices have one of few, and those with the same port share the list. */
const listsOfOne = new Map<string, readonly SlicePort[]>();
/** More are not worth their memory. */
const mostLists = 1_000;

function shared(ports: readonly SlicePort[]): readonly SlicePort[] {
  const [only] = ports;
  if (only === undefined || ports.length > 1) return ports;
  const key = `${only.name} ${only.protocol} ${only.port}`;
  const known = listsOfOne.get(key);
  if (known === undefined && listsOfOne.size < mostLists) listsOfOne.set(key, ports);
  return known ?? ports;
}

/** A missing name or protocol gets the value that the API server would fill in. */
function parsePortAt(value: unknown, path: string, report: Report): SlicePort | undefined {
  const fields = fieldsOf({ value }, 'value', path, report);
  // A slice port without a number means all ports, which no Service port can mean.
  if (isAbsent(fields.port) || fields.port === 0) return undefined;
  const port = parsePort(fields.port);
  if (port === undefined) {
    report('warning', 'slice-bad-port', `${path}.port`, `${show(fields.port)} is outside 1–65535; the port is skipped`);
    return undefined;
  }
  const name = parsePortName(isAbsent(fields.name) ? '' : fields.name);
  if (name === undefined) {
    report(
      'warning',
      'slice-bad-port-name',
      `${path}.name`,
      `${show(fields.name)} is not a port name; the port is skipped`,
    );
    return undefined;
  }
  const protocol = parseProtocol(isAbsent(fields.protocol) ? 'TCP' : fields.protocol);
  if (protocol === undefined) {
    report(
      'warning',
      'slice-bad-protocol',
      `${path}.protocol`,
      `${show(fields.protocol)} is not TCP, UDP or SCTP; the port is skipped`,
    );
    return undefined;
  }
  return { name, protocol, port };
}

/** What the endpoint parser needs besides the endpoint. */
interface Context {
  readonly family: Family;
  readonly service: ObjectRef | undefined;
  readonly report: Report;
}

function parseEndpoints(object: Fields, context: Context): SliceEndpoint[] {
  const { report } = context;
  const values = listOf(object, 'endpoints', 'endpoints', report);
  const endpoints: SliceEndpoint[] = [];
  let odd: { readonly index: number; readonly text: string; readonly address: IpAddress } | undefined;
  for (let i = 0; i < values.length; i++) {
    const endpoint = parseEndpoint(values[i], i, context);
    if (endpoint === undefined) continue;
    endpoints.push(endpoint);
    odd ??= oddForm(values[i], endpoint);
  }
  if (odd !== undefined) {
    const message = `"${odd.text}" is an unusual form of ${odd.address}; such addresses of this slice are used in canonical form`;
    report('info', 'endpoint-address-form', `endpoints[${odd.index}].addresses[0]`, message);
  }
  return exact(endpoints);
}

/** Some systems pass addresses on as they received them, such as `fd00:0:0::9`. */
function oddForm(value: unknown, { index, address }: SliceEndpoint) {
  const [text] = (value as { readonly addresses: readonly unknown[] }).addresses;
  return typeof text === 'string' && text !== address ? { index, text, address } : undefined;
}

const noHints: readonly string[] = [];

function parseEndpoint(value: unknown, index: number, context: Context): SliceEndpoint | undefined {
  const { report } = context;
  const path = `endpoints[${index}]`;
  const fields = fieldsOf({ value }, 'value', path, report);
  const address = parseFirstAddress(fields, path, context);
  const conditions = parseConditions(fields, path, report);
  if (address === undefined || conditions === undefined) return undefined;
  const special = unfitForEndpoint(address);
  if (special !== undefined) {
    const message = `${address} (${special}) cannot be an endpoint's address; this endpoint is rejected`;
    report('warning', 'endpoint-refused', `${path}.addresses[0]`, message);
  }
  const hints = isAbsent(member(fields, 'hints')) ? undefined : fieldsOf(fields, 'hints', `${path}.hints`, report);
  return {
    index,
    address,
    special,
    ready: conditions.ready,
    serving: conditions.serving,
    terminating: conditions.terminating,
    nodeName: textOf(fields, 'nodeName'),
    zone: textOf(fields, 'zone'),
    zoneHints: hints === undefined ? noHints : parseHints(hints, 'forZones', path, report),
    nodeHints: hints === undefined ? noHints : parseHints(hints, 'forNodes', path, report),
  };
}

/** Only the first address counts, here as in kube-proxy (MR-7). Without an address there is no endpoint. */
function parseFirstAddress(fields: Fields, path: string, { family, service, report }: Context): IpAddress | undefined {
  const addresses = listOf(fields, 'addresses', `${path}.addresses`, report);
  if (addresses.length === 0) return undefined;
  if (addresses.length > 1) {
    report(
      'warning',
      'endpoint-several-addresses',
      `${path}.addresses`,
      `has ${addresses.length} addresses; only the first is used`,
    );
  }
  const address = parseAddress(addresses[0]);
  if (address !== undefined && familyOf(address) === family) return address;
  const message = `${show(addresses[0])} is not an ${family} address; this endpoint is left out`;
  if (address === undefined) report('warning', 'endpoint-bad-address', `${path}.addresses[0]`, message);
  else report('warning', 'endpoint-wrong-family', `${path}.addresses[0]`, message, service);
  return undefined;
}

type Conditions = Pick<SliceEndpoint, 'ready' | 'serving' | 'terminating'>;

/** Absent conditions mean ready, serving, not terminating: as kube-proxy reads them. */
function parseConditions(fields: Fields, path: string, report: Report): Conditions | undefined {
  const conditions = fieldsOf(fields, 'conditions', `${path}.conditions`, report);
  const result = { ready: true, serving: true, terminating: false };
  for (const name of ['ready', 'serving', 'terminating'] as const) {
    const value = conditions[name];
    if (isAbsent(value)) continue;
    if (typeof value !== 'boolean') {
      const message = `${show(value)} is not valid: use true or false; this endpoint is left out`;
      report('warning', 'endpoint-bad-condition', `${path}.conditions.${name}`, message);
      return undefined;
    }
    result[name] = value;
  }
  return result;
}

function parseHints(hints: Fields, key: string, path: string, report: Report): readonly string[] {
  const values = listOf(hints, key, `${path}.hints.${key}`, report);
  if (values.length === 0) return noHints;
  const names: string[] = [];
  for (const [i, value] of values.entries()) {
    const name = textOf(fieldsOf({ value }, 'value', `${path}.hints.${key}[${i}]`, report), 'name');
    if (name !== undefined && name !== '') names.push(name);
  }
  return names;
}
