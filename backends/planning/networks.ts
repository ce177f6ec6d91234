import {
  addressFromNumber,
  addressToNumber,
  type Cidr,
  cidrContains,
  type Family,
  type IpAddress,
  splitCidr,
} from '../../compiler/values/address.ts';

/**
 * Addresses that rules cannot tell apart, because the same networks hold them.
 *
 * Networks are nested or disjoint. So the narrowest one that holds an address decides which others hold it. There is one
 * class for each network that narrower ones do not fill, and one for the addresses in none.
 */
export interface AddressClass {
  /** The narrowest network that holds them; undefined: they are in none. */
  readonly network: Cidr | undefined;
  /** Every network that holds them, the narrowest last. */
  readonly within: readonly Cidr[];
  /** Some of them, at least one: what lies at an edge of the networks around it comes first. */
  readonly examples: readonly IpAddress[];
  /** How many of them are addresses of the internet. */
  readonly publicSize: bigint;
}

interface Open {
  readonly network: Cidr | undefined;
  readonly first: bigint;
  readonly last: bigint;
  /** The first address not yet assigned to a class. */
  next: bigint;
  /** What no narrower network holds. */
  readonly gaps: (readonly [first: bigint, last: bigint])[];
  within: readonly Cidr[];
}

/** Every class, of the addresses that are in none of the networks first; as many as networks, and one. */
export function addressClasses(networks: readonly Cidr[], family: Family): AddressClass[] {
  const bits = family === 'IPv4' ? 32n : 128n;
  const all: Open = { network: undefined, first: 0n, last: (1n << bits) - 1n, next: 0n, gaps: [], within: [] };
  const opened = [all, ...[...new Set(networks)].map((network) => open(network, bits))].sort(outermostFirst);
  const around: Open[] = [];
  for (const inner of opened) {
    while (around.length > 0 && inner.first > (around.at(-1)?.last ?? 0n)) close(around.pop());
    const outer = around.at(-1);
    if (outer !== undefined) {
      if (outer.next < inner.first) outer.gaps.push([outer.next, inner.first - 1n]);
      outer.next = inner.last + 1n;
    }
    inner.within = [...(outer?.within ?? []), ...(inner.network === undefined ? [] : [inner.network])];
    around.push(inner);
  }
  while (around.length > 0) close(around.pop());
  return opened.filter(({ gaps }) => gaps.length > 0).map((one) => classOf(one, family));
}

function open(network: Cidr, bits: bigint): Open {
  const { address, length } = splitCidr(network);
  const first = addressToNumber(address);
  return {
    network,
    first,
    last: first + (1n << (bits - BigInt(length))) - 1n,
    next: first,
    gaps: [],
    within: [network],
  };
}

function outermostFirst(a: Open, b: Open): number {
  if (a.first !== b.first) return a.first < b.first ? -1 : 1;
  if (a.last !== b.last) return a.last > b.last ? -1 : 1;
  return Number(a.network !== undefined) - Number(b.network !== undefined);
}

function close(one: Open | undefined): void {
  if (one !== undefined && one.next <= one.last) one.gaps.push([one.next, one.last]);
}

function classOf({ network, within, gaps }: Open, family: Family): AddressClass {
  const widest = gaps.reduce((best, gap) => (gap[1] - gap[0] > best[1] - best[0] ? gap : best));
  const [first, last] = widest;
  // The first address of a network is mostly not a host's.
  const near = [first + 1n, first, first + 2n, first + 3n, last].filter((one) => one <= last);
  return {
    network,
    within,
    examples: [...new Set(near)].map((one) => addressFromNumber(one, family)),
    publicSize: gaps.reduce((sum, gap) => sum + publicPart(gap, family), 0n),
  };
}

/** Of IPv6, global unicast (RFC 4291): an eighth of all there could be. */
const publicFirst = { IPv4: 0n, IPv6: 1n << 125n } as const;
export const publicSize = { IPv4: 1n << 32n, IPv6: 1n << 125n } as const;

function publicPart([first, last]: readonly [bigint, bigint], family: Family): bigint {
  const from = first > publicFirst[family] ? first : publicFirst[family];
  const end = publicFirst[family] + publicSize[family] - 1n;
  const to = last < end ? last : end;
  return to < from ? 0n : to - from + 1n;
}

/** The narrowest network that holds an address. */
export function narrowest(networks: readonly Cidr[], address: IpAddress): Cidr | undefined {
  let found: Cidr | undefined;
  for (const network of networks) {
    if (found !== undefined && splitCidr(found).length >= splitCidr(network).length) continue;
    if (cidrContains(network, address)) found = network;
  }
  return found;
}
