import { createHmac } from 'node:crypto';
import {
  addressFromNumber,
  addressToNumber,
  bitsOf,
  type Cidr,
  cidrIncludes,
  cidrOf,
  type Family,
  familyOf,
  type IpAddress,
  parseAddress,
  parseCidr,
} from '../../compiler/values/address.ts';

/** Other addresses in the place of addresses, so that what is in one range stays in one range. */
export interface AddressScrambler {
  address(address: IpAddress): IpAddress;
  /** A network has bits for hosts, and none of them is set; anything else is an address with its length. */
  cidr(address: IpAddress, length: number): string;
}

const cidrs = (...texts: readonly string[]): readonly Cidr[] => texts.flatMap((text) => parseCidr(text) ?? []);

/** Mean the same on every node: unspecified, loopback, link-local, multicast and masks. */
const untouched = {
  IPv4: cidrs('0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'),
  IPv6: cidrs('::/127', 'fe80::/10', 'ff00::/8'),
} as const;

/** What is in one of these stays in it. */
const kinds = {
  IPv4: cidrs('10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16'),
  IPv6: cidrs('fc00::/7', '2000::/3'),
} as const;

/**
 * Whether a bit is turned depends on the bits before it and on the seed alone: two addresses have as long a prefix in common
 * afterwards as before, and no two become one (Xu, Fan, Ammar and Moon, "Prefix-preserving IP address anonymization", 2002).
 * Bits that lead to a range that is to stay are not turned, so nothing else can come into such a range.
 */
export function createAddressScrambler(seed: string): AddressScrambler {
  const turned = new Map<Cidr, boolean>();
  function isTurned(prefix: Cidr, family: Family): boolean {
    const known = turned.get(prefix);
    if (known !== undefined) return known;
    const leads = (range: Cidr) => prefix !== range && cidrIncludes(prefix, range);
    const stays =
      untouched[family].some((range) => leads(range) || cidrIncludes(range, prefix)) || kinds[family].some(leads);
    const turns = !stays && ((createHmac('sha256', seed).update(prefix).digest()[0] ?? 0) & 1) === 1;
    turned.set(prefix, turns);
    return turns;
  }
  function address(from: IpAddress): IpAddress {
    const family = familyOf(from);
    const bits = bitsOf(family);
    let value = addressToNumber(from);
    for (let length = 0; length < bits; length++) {
      if (isTurned(cidrOf(from, length), family)) value ^= 1n << BigInt(bits - 1 - length);
    }
    return addressFromNumber(value, family);
  }
  return {
    address,
    cidr(from, length) {
      const isNetwork = length < bitsOf(familyOf(from)) && cidrOf(from, length) === `${from}/${length}`;
      return isNetwork ? cidrOf(address(from), length) : `${address(from)}/${length}`;
    },
  };
}

/** Addresses in any text, perhaps with the length of a network; groups: IPv4, its length, IPv6, its length. */
export const addressPattern =
  /(?<![0-9A-Za-z.])(\d{1,3}(?:\.\d{1,3}){3})(?:\/(\d{1,2})(?!\d))?(?!\.?\d)|(?<![0-9A-Za-z.:])([0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?:\/(\d{1,3})(?!\d))?(?![0-9A-Za-z:])/;

/** One match of {@link addressPattern}; what is no address after all stays. */
export function scrambledAddress(
  text: string,
  { address, cidr }: AddressScrambler,
  [ipv4, ipv4Length, ipv6, ipv6Length]: readonly (string | undefined)[],
): string {
  const from = parseAddress(ipv4 ?? ipv6);
  if (from === undefined) return text;
  const length = ipv4Length ?? ipv6Length;
  if (length === undefined) return address(from);
  return Number(length) <= bitsOf(familyOf(from)) ? cidr(from, Number(length)) : `${address(from)}/${length}`;
}
