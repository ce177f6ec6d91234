import type { IpAddress } from '../values/address.ts';

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
