import { embeddedIpv4, type IpAddress } from '../values/address.ts';

export type SpecialAddress = 'loopback' | 'link-local' | 'multicast' | 'unspecified' | 'broadcast';

/**
 * What makes an address unfit to stand in a rule: sent there, a packet would reach this node
 * itself, its metadata service, or nobody in particular. undefined for ordinary addresses.
 */
export function specialAddress(address: IpAddress): SpecialAddress | undefined {
  return address.includes(':') ? specialIpv6(address) : specialIpv4(address);
}

function specialIpv4(address: string): SpecialAddress | undefined {
  if (address === '0.0.0.0') return 'unspecified';
  if (address === '255.255.255.255') return 'broadcast';
  if (address.startsWith('127.')) return 'loopback';
  if (address.startsWith('169.254.')) return 'link-local';
  const first = Number(address.slice(0, address.indexOf('.')));
  return first >= 224 && first <= 239 ? 'multicast' : undefined;
}

function specialIpv6(address: string): SpecialAddress | undefined {
  if (address === '::') return 'unspecified';
  if (address === '::1') return 'loopback';
  if (/^fe[89ab][0-9a-f]:/.test(address)) return 'link-local';
  return /^ff[0-9a-f]{2}:/.test(address) ? 'multicast' : undefined;
}

/** What an endpoint's address may be besides: the cloud's own services, and IPv4 of the kinds above inside IPv6. */
export type UnfitAddress = SpecialAddress | 'metadata service' | 'this network';

/**
 * What makes an address unfit for an endpoint, whoever wrote it. More than for a Service's own address: what stands in a
 * Service answers clients, what stands in an endpoint is where this node sends packets, with its own rights.
 */
export function unfitForEndpoint(address: IpAddress): UnfitAddress | undefined {
  const special = specialAddress(address);
  if (special !== undefined) return special;
  if (!address.includes(':')) return address.startsWith('0.') ? 'this network' : undefined;
  if (isMetadataIpv6(address)) return 'metadata service';
  for (const inner of embeddedIpv4(address)) {
    const unfit = unfitForEndpoint(inner);
    if (unfit !== undefined) return unfit;
  }
  return undefined;
}

/** AWS's local services (metadata at ::254, pod identity at ::23) and GCE's metadata server. */
function isMetadataIpv6(address: string): boolean {
  return /^fd00:ec2::[0-9a-f]{1,4}$/.test(address) || address === 'fd20:ce::254';
}

/**
 * Addresses that only the registry can vouch for: nobody's by RFC 1112, though some clouds give them to pods; and
 * addresses of cloud services that are ordinary to everyone else.
 */
export function isDoubtful(address: IpAddress): boolean {
  return /^2[45]\d\./.test(address) || cloudServices.has(address);
}

/** Azure's and Alibaba's. */
const cloudServices: ReadonlySet<string> = new Set(['168.63.129.16', '100.100.100.200']);

/** Whether a cloud answers there with what the node may know: credentials among it. */
export function isCloudService(address: IpAddress): boolean {
  return address === '169.254.169.254' || cloudServices.has(address) || isMetadataIpv6(address);
}
