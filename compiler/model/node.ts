import { type Cidr, type IpAddress, parseAddress } from '../values/address.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import type { ClusterName } from '../values/names.ts';
import {
  asFields,
  createReport,
  type Fields,
  fieldsOf,
  isAbsent,
  listOf,
  type Report,
  show,
  textOf,
} from './fields.ts';
import { parseLenientAddress, parseLenientCidr } from './lenient-address.ts';
import { type Metadata, parseMetadata } from './metadata.ts';

export interface Node extends Metadata {
  readonly zone: string | undefined;
  readonly podCidrs: readonly Cidr[];
  /** InternalIPs, then ExternalIPs, each in the object's order. */
  readonly addresses: readonly IpAddress[];
  /** Addresses of its interfaces, for compiling elsewhere; undefined without the annotation. */
  readonly localAddresses: readonly IpAddress[] | undefined;
  /** Its deletion was requested. */
  readonly isLeaving: boolean;
  readonly taintKeys: readonly string[];
}

/** Comma-separated addresses of the node's interfaces. */
export const localAddressesAnnotation = 'slicewright.dev/local-addresses';

/** A v1 Node; undefined, and reported, if its name is invalid. */
export function parseNode(
  object: Fields,
  cluster: ClusterName | undefined,
  diagnostics: Diagnostic[],
): Node | undefined {
  const metadata = parseMetadata(object, 'Node', cluster, diagnostics);
  if (metadata === undefined) return undefined;
  const report = createReport(metadata.ref, diagnostics);
  const spec = fieldsOf(object, 'spec', 'spec', report);
  return {
    ...metadata,
    zone: metadata.labels.get('topology.kubernetes.io/zone') || undefined,
    podCidrs: parsePodCidrs(spec, report),
    addresses: parseAddresses(fieldsOf(object, 'status', 'status', report), report),
    localAddresses: parseLocalAddresses(metadata, report),
    isLeaving: !isAbsent(asFields(object.metadata)?.deletionTimestamp),
    taintKeys: parseTaintKeys(spec),
  };
}

function parsePodCidrs(spec: Fields, report: Report): Cidr[] {
  const cidrs: Cidr[] = [];
  for (const [i, value] of listOf(spec, 'podCIDRs', 'spec.podCIDRs', report).entries()) {
    const cidr = parseLenientCidr(value);
    if (cidr !== undefined) cidrs.push(cidr);
    else report('warning', 'node-bad-cidr', `spec.podCIDRs[${i}]`, `${show(value)} is not a CIDR; it is left out`);
  }
  return cidrs;
}

/** Unreadable taints are not reported: rules do not depend on taints. */
function parseTaintKeys({ taints }: Fields): string[] {
  const keys = (Array.isArray(taints) ? taints : []).map((taint) => textOf(asFields(taint) ?? {}, 'key'));
  return keys.filter((key) => key !== undefined);
}

function parseAddresses(status: Fields, report: Report): IpAddress[] {
  const internal: IpAddress[] = [];
  const external: IpAddress[] = [];
  for (const [i, value] of listOf(status, 'addresses', 'status.addresses', report).entries()) {
    const path = `status.addresses[${i}]`;
    const { type, address: text } = fieldsOf({ value }, 'value', path, report);
    if (type !== 'InternalIP' && type !== 'ExternalIP') continue;
    const address = parseLenientAddress(text);
    if (address !== undefined) (type === 'InternalIP' ? internal : external).push(address);
    else report('warning', 'node-bad-address', `${path}.address`, `${show(text)} is not an IP address; it is left out`);
  }
  return [...internal, ...external];
}

function parseLocalAddresses(metadata: Metadata, report: Report): IpAddress[] | undefined {
  const text = metadata.annotations.get(localAddressesAnnotation);
  if (text === undefined) return undefined;
  const addresses: IpAddress[] = [];
  for (const part of text.split(',').map((item) => item.trim())) {
    if (part === '') continue;
    const address = parseAddress(part);
    if (address !== undefined) addresses.push(address);
    else {
      const field = `metadata.annotations["${localAddressesAnnotation}"]`;
      report('warning', 'node-bad-address', field, `${show(part)} is not an IP address; it is left out`);
    }
  }
  return addresses;
}
