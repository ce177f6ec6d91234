import { createCounts } from './counts.ts';
import {
  addressToNumber,
  type Cidr,
  cidrFamily,
  type Family,
  familyOf,
  ipv4ToNumber,
  type IpAddress,
  splitCidr,
} from './values/address.ts';

/** Many ranges, such as those of five thousand nodes. */
export interface HeldRanges {
  /** Whether one of them holds the address. Costs one look-up for each prefix length in use, which is one or two. */
  hold(address: IpAddress): boolean;
  /** Whether there are any ranges, of this family or of either. */
  areKnown(family?: Family): boolean;
}

/** The same, with how many times each range is there. */
export interface RangeCounts extends HeldRanges {
  /** returns  whether the range appeared or disappeared */
  change(cidr: Cidr, by: 1 | -1): boolean;
}

/** The bits by which an address is found in a range: no two ranges have the same text. */
type NetworkKey = string;

export function createRangeCounts(): RangeCounts {
  const networks = createCounts<NetworkKey>();
  const lengths = { IPv4: createCounts<number>(), IPv6: createCounts<number>() };

  return {
    change(cidr, by) {
      const family = cidrFamily(cidr);
      const { address, length } = splitCidr(cidr);
      lengths[family].change(length, by);
      return networks.change(keyOf(family, address, length), by);
    },
    hold(address) {
      const family = familyOf(address);
      const { counts } = lengths[family];
      if (counts.size === 0) return false;
      for (const length of counts.keys()) if (networks.counts.has(keyOf(family, address, length))) return true;
      return false;
    },
    areKnown(family) {
      const known = family === undefined ? [lengths.IPv4, lengths.IPv6] : [lengths[family]];
      return known.some(({ counts }) => counts.size > 0);
    },
  };
}

function keyOf(family: Family, address: IpAddress, length: number): NetworkKey {
  const bits =
    family === 'IPv4'
      ? Math.floor(ipv4ToNumber(address) / 2 ** (32 - length))
      : addressToNumber(address) >> BigInt(128 - length);
  return `${family} ${length} ${bits}`;
}
