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
 * Refused on purpose: leading zeros in IPv4 (octal to some tools, decimal to others), zones
 * (`%eth0`), and IPv4-mapped IPv6, which the kernel would treat as another family.
 *
 * Ours and not node:net's, which takes a fifth of the start-up of a command; a property test holds
 * the two to each other.
 */
export function parseAddress(text: unknown): IpAddress | undefined {
  if (typeof text !== 'string' || text.length > 45) return undefined;
  if (!text.includes(':')) return isIpv4(text) ? (text as Ipv4) : undefined;
  const groups = parseGroups(text);
  if (groups === undefined || isMapped(groups)) return undefined;
  return formatGroups(groups) as Ipv6;
}

const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

function isIpv4(text: string): boolean {
  return ipv4.test(text);
}

/** The eight groups of IPv6 text; the last two may be written as IPv4. undefined: the text is no IPv6 address. */
function parseGroups(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = '', tail] = halves;
  const left = parsePart(head, tail === undefined);
  const right = tail === undefined ? [] : parsePart(tail, true);
  if (left === undefined || right === undefined) return undefined;
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...left, ...new Array<number>(missing).fill(0), ...right];
}

/** isLast: IPv4 may stand at its end. */
function parsePart(text: string, isLast: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const words = text.split(':');
  for (const [i, word] of words.entries()) {
    if (isLast && i === words.length - 1 && isIpv4(word)) {
      const [a = 0, b = 0, c = 0, d = 0] = word.split('.').map(Number);
      groups.push((a << 8) | b, (c << 8) | d);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(word)) {
      groups.push(Number.parseInt(word, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/** RFC 5952, with a dotted tail as hex, as iptables prints all but the shortest of them. */
function formatGroups(groups: readonly number[]): string {
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

function isMapped(groups: readonly number[]): boolean {
  return groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
}

/** The IPv4 address inside IPv4-mapped IPv6 text (`::ffff:10.0.0.1`); undefined for anything else. */
export function parseMappedIpv4(text: string): Ipv4 | undefined {
  const groups = parseGroups(text);
  if (groups === undefined || !isMapped(groups)) return undefined;
  const [high = 0, low = 0] = groups.slice(6);
  return ipv4Of(high, low);
}

/**
 * IPv4 addresses that a gateway extracts from an IPv6 address: NAT64 (64:ff9b::/96, and 64:ff9b:1::/48 with the address
 * at its end or behind its prefix), 6to4 (2002::/16), and the old IPv4-compatible form (::/96). Empty for any other.
 *
 * source  RFC 6052, RFC 8215, RFC 3056, RFC 4291 2.5.5.1
 */
export function embeddedIpv4(address: IpAddress): Ipv4[] {
  if (!/^(64:ff9b:|2002:|::)/.test(address)) return [];
  const groups = groupsOf(address as Ipv6);
  const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0] = groups;
  const [high = 0, low = 0] = groups.slice(6);
  if (first === 0x2002) return [ipv4Of(second, third)];
  const isZero = (from: number): boolean => groups.slice(from, 6).every((group) => group === 0);
  if (first === 0) return isZero(0) && high !== 0 ? [ipv4Of(high, low)] : [];
  if (isZero(2)) return [ipv4Of(high, low)];
  if (third !== 1) return [];
  // Behind a /48, the eight bits in the middle of the address stay free. An empty half does not hold the address.
  const behind = fourth === 0 ? [] : [ipv4Of(fourth, ((fifth & 255) << 8) | ((groups[5] ?? 0) >> 8))];
  return high === 0 ? behind : [ipv4Of(high, low), ...behind];
}

function ipv4Of(high: number, low: number): Ipv4 {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.') as Ipv4;
}

/** Groups of text that is known to be an address. */
function groupsOf(address: Ipv6): readonly number[] {
  const groups = parseGroups(address);
  if (groups === undefined) throw new Error(`${address} is no IPv6 address`);
  return groups;
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
  return groupsOf(address as Ipv6).reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
}

/** An IPv4 address as {@link addressToNumber} gives it. Digit by digit, because every endpoint of another cluster is compared. */
export function ipv4ToNumber(address: IpAddress): number {
  let sum = 0;
  let octet = 0;
  for (let i = 0; i < address.length; i++) {
    const character = address.charCodeAt(i);
    if (character === dot) {
      sum = sum * 256 + octet;
      octet = 0;
    } else octet = octet * 10 + character - zeroDigit;
  }
  return sum * 256 + octet;
}

const dot = '.'.charCodeAt(0);
const zeroDigit = '0'.charCodeAt(0);

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
  // Nearly all networks are one address, whose text is canonical.
  if (length === bitsOf(family)) return hostCidr(address);
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
  // Texts are canonical, so a full-length network has exactly the text of its address.
  if (length === bitsOf(family)) return network === address;
  if (family === 'IPv4') {
    const hosts = 2 ** (32 - length);
    return Math.floor(ipv4ToNumber(network) / hosts) === Math.floor(ipv4ToNumber(address) / hosts);
  }
  const hostBits = BigInt(bitsOf(family) - length);
  return addressToNumber(network) >> hostBits === addressToNumber(address) >> hostBits;
}

/** Whether the first network holds all of the second. */
export function cidrIncludes(wider: Cidr, narrower: Cidr): boolean {
  return splitCidr(wider).length <= splitCidr(narrower).length && cidrContains(wider, splitCidr(narrower).address);
}

export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return cidrIncludes(a, b) || cidrIncludes(b, a);
}

/** Bits of an address. */
export function bitsOf(family: Family): number {
  return family === 'IPv4' ? 32 : 128;
}

/** The address that {@link addressToNumber} gives this number for; it must fit the family. */
export function addressFromNumber(value: bigint, family: Family): IpAddress {
  if (family === 'IPv4') {
    return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.') as Ipv4;
  }
  return formatGroups(Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn))) as Ipv6;
}
