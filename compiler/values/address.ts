import { isIP, isIPv4, SocketAddress } from 'node:net';
import type { Brand } from './brand.ts';

export type Family = 'IPv4' | 'IPv6';
export const families: readonly Family[] = ['IPv4', 'IPv6'];

export type Ipv4 = Brand<string, 'Ipv4'>;
export type Ipv6 = Brand<string, 'Ipv6'>;
/** Canonical text: dotted decimal, or lower-case hex with the longest zero run as `::`. */
export type IpAddress = Ipv4 | Ipv6;

/** Canonical network address, `/`, prefix length: `10.0.0.0/8`. The length is always printed. */
export type Cidr = Brand<string, 'Cidr'>;

/**
 * An address in any valid text form, as canonical text; undefined for anything else.
 *
 * Refused on purpose: leading zeros (octal to some tools, decimal to others),
 * zones (`%eth0`), and IPv4-mapped IPv6, which the kernel would treat as another family.
 */
export function parseAddress(text: unknown): IpAddress | undefined {
  if (typeof text !== 'string' || text.length > 45 || text.includes('%')) return undefined;
  if (isIPv4(text)) return text as Ipv4;
  if (isIP(text) !== 6) return undefined;
  const canonical = canonicalIpv6(text);
  return canonical.startsWith('::ffff:') && isMapped(canonical) ? undefined : (canonical as Ipv6);
}

/** Groups are printed by us: SocketAddress keeps dotted tails (`::1.2.3.4`), iptables prints hex. */
function canonicalIpv6(text: string): string {
  const compressed = new SocketAddress({ address: text, family: 'ipv6' }).address;
  const groups = expandGroups(compressed);
  let bestStart = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; ) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > bestLength) {
      bestStart = i;
      bestLength = end - i;
    }
    i = end === i ? i + 1 : end;
  }
  const hex = groups.map((group) => group.toString(16));
  if (bestStart < 0) return hex.join(':');
  return `${hex.slice(0, bestStart).join(':')}::${hex.slice(bestStart + bestLength).join(':')}`;
}

function expandGroups(text: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const plain = dotted
    ? `${dotted[1]}${((Number(dotted[2]) << 8) | Number(dotted[3])).toString(16)}:${((Number(dotted[4]) << 8) | Number(dotted[5])).toString(16)}`
    : text;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : new Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16));
}

function isMapped(canonical: string): boolean {
  const groups = expandGroups(canonical);
  return groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
}

export function familyOf(address: IpAddress): Family {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

export function isFamily(family: Family): (address: IpAddress) => boolean {
  return (address) => familyOf(address) === family;
}

/** The address as an unsigned number of 32 or 128 bits. */
export function addressToNumber(address: IpAddress): bigint {
  if (familyOf(address) === 'IPv4') {
    return address.split('.').reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);
  }
  return expandGroups(address).reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
}

/** Numeric order, IPv4 before IPv6: the same in every locale, unlike comparing text. */
export function compareAddresses(a: IpAddress, b: IpAddress): number {
  if (a === b) return 0;
  const aIs6 = a.includes(':');
  if (aIs6 !== b.includes(':')) return aIs6 ? 1 : -1;
  return addressToNumber(a) < addressToNumber(b) ? -1 : 1;
}

/**
 * A network in any valid text form, masked and canonical: `10.1.2.3/8` gives `10.0.0.0/8`.
 * undefined for anything else; a bare address is not a network.
 */
export function parseCidr(text: unknown): Cidr | undefined {
  if (typeof text !== 'string') return undefined;
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  const address = parseAddress(match[1]);
  const length = Number(match[2]);
  if (address === undefined || length > bitsOf(familyOf(address))) return undefined;
  return cidrOf(address, length);
}

/** The network of `length` bits around an address. */
export function cidrOf(address: IpAddress, length: number): Cidr {
  const family = familyOf(address);
  const hostBits = BigInt(bitsOf(family) - length);
  const masked = (addressToNumber(address) >> hostBits) << hostBits;
  return `${addressFromNumber(masked, family)}/${length}` as Cidr;
}

/** The network that holds just this address: `/32` or `/128`. */
export function hostCidr(address: IpAddress): Cidr {
  return `${address}/${bitsOf(familyOf(address))}` as Cidr;
}

export function splitCidr(cidr: Cidr): { readonly address: IpAddress; readonly length: number } {
  const slash = cidr.lastIndexOf('/');
  return { address: cidr.slice(0, slash) as IpAddress, length: Number(cidr.slice(slash + 1)) };
}

export function cidrFamily(cidr: Cidr): Family {
  return cidr.includes(':') ? 'IPv6' : 'IPv4';
}

/** False for an address of the other family. */
export function cidrContains(cidr: Cidr, address: IpAddress): boolean {
  const { address: network, length } = splitCidr(cidr);
  const family = familyOf(network);
  if (family !== familyOf(address)) return false;
  const hostBits = BigInt(bitsOf(family) - length);
  return addressToNumber(network) >> hostBits === addressToNumber(address) >> hostBits;
}

export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return splitCidr(a).length <= splitCidr(b).length
    ? cidrContains(a, splitCidr(b).address)
    : cidrContains(b, splitCidr(a).address);
}

function bitsOf(family: Family): number {
  return family === 'IPv4' ? 32 : 128;
}

/** The address that {@link addressToNumber} gives this number for; it must fit the family. */
export function addressFromNumber(value: bigint, family: Family): IpAddress {
  if (family === 'IPv4') {
    return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.') as Ipv4;
  }
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  return canonicalIpv6(groups.join(':')) as Ipv6;
}
