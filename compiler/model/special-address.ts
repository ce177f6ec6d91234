import { embeddedIpv4, type IpAddress } from '../values/address.ts';

export type SpecialAddress = 'loopback' | 'link-local' | 'multicast' | 'unspecified' | 'broadcast';

/**
 * Why an address must not appear in a rule: a packet sent there would reach this node
 * itself, its metadata service, or no particular host. undefined for ordinary addresses.
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

/**
 * Further reasons for an endpoint's address: the cloud's own services, and IPv6 that embeds IPv4 of the kinds above.
 */
export type UnfitAddress = SpecialAddress | 'metadata service' | 'this network';

/**
 * Why an address must not be an endpoint, whatever its source. This refuses more than for a Service's own address: a
 * Service's address answers clients, but to an endpoint's address this node sends packets, with the node's own rights.
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
 * Addresses that are accepted only if the registry lists them: reserved ones by RFC 1112, which some clouds
 * nevertheless give to pods; and addresses of cloud services that are ordinary addresses elsewhere.
 */
export function isDoubtful(address: IpAddress): boolean {
  return /^2[45]\d\./.test(address) || cloudServices.has(address);
}

/** Azure's and Alibaba's. */
const cloudServices: ReadonlySet<string> = new Set(['168.63.129.16', '100.100.100.200']);

/** Whether a cloud service answers there with data that only the node may know, such as credentials. */
export function isCloudService(address: IpAddress): boolean {
  return address === '169.254.169.254' || cloudServices.has(address) || isMetadataIpv6(address);
}
