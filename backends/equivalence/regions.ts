import {
  addressFromNumber,
  addressToNumber,
  bitsOf,
  type Cidr,
  cidrFamily,
  type Family,
  hostCidr,
  type IpAddress,
  splitCidr,
} from '../../compiler/values/address.ts';

interface Interval {
  readonly cidr: Cidr;
  readonly first: bigint;
  readonly last: bigint;
}

/**
 * One address for every kind that networks tell apart. Networks nest or are apart, so an address's kind is the narrowest
 * network that holds it; one that narrower ones fill has no kind of its own.
 *
 * returns   without an address that is in none of them
 */
export function representatives(networks: Iterable<Cidr>): IpAddress[] {
  const intervals = [...new Set(networks)].map(intervalOf).sort(widestFirst);
  return intervals.flatMap((interval, i) => {
    const address = firstFree(interval, intervals, i);
    return address === undefined ? [] : [addressFromNumber(address, cidrFamily(interval.cidr))];
  });
}

/** The first address outside of every network, from a start on; undefined: there is none. */
export function addressOutside(networks: Iterable<Cidr>, start: IpAddress, family: Family): IpAddress | undefined {
  const intervals = [...new Set(networks)].map(intervalOf).sort(widestFirst);
  const whole = { first: addressToNumber(start), last: (1n << BigInt(bitsOf(family))) - 1n };
  const free = firstFree(whole, intervals, -1);
  return free === undefined ? undefined : addressFromNumber(free, family);
}

/** An address of a network that is in no narrower one of the networks and is not known; undefined: it is full. */
export function addressIn(network: Cidr, networks: Iterable<Cidr>, known: Iterable<IpAddress>): IpAddress | undefined {
  const whole = intervalOf(network);
  const size = ({ first, last }: Interval) => last - first;
  const narrower = [...networks].map(intervalOf).filter((one) => size(one) < size(whole));
  const holes = [...narrower, ...[...known].map((address) => intervalOf(hostCidr(address)))].sort(widestFirst);
  const free = firstFree(whole, holes, -1);
  return free === undefined ? undefined : addressFromNumber(free, cidrFamily(network));
}

/** The narrowest of the networks that holds an address; undefined: none does. */
export function kindOf(address: IpAddress, networks: Iterable<Cidr>): Cidr | undefined {
  const at = addressToNumber(address);
  let best: Interval | undefined;
  for (const interval of [...networks].map(intervalOf)) {
    if (interval.first > at || interval.last < at) continue;
    if (best === undefined || interval.last - interval.first < best.last - best.first) best = interval;
  }
  return best?.cidr;
}

/** {@link kindOf} for many addresses. */
export function kindsOf(
  addresses: readonly IpAddress[],
  networks: Iterable<Cidr>,
): ReadonlyMap<IpAddress, Cidr | undefined> {
  const intervals = [...new Set(networks)].map(intervalOf).sort(widestFirst);
  const ordered = addresses.map((address) => ({ address, at: addressToNumber(address) }));
  ordered.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const kinds = new Map<IpAddress, Cidr | undefined>();
  /** Those that began and have not ended, each within the one before. */
  const around: Interval[] = [];
  let next = 0;
  for (const { address, at } of ordered) {
    for (let begun = intervals[next]; begun !== undefined && begun.first <= at; begun = intervals[++next]) {
      endBefore(around, begun.first);
      around.push(begun);
    }
    endBefore(around, at);
    kinds.set(address, around.at(-1)?.cidr);
  }
  return kinds;
}

function endBefore(around: Interval[], at: bigint): void {
  for (let last = around.at(-1); last !== undefined && last.last < at; last = around.at(-1)) around.pop();
}

function intervalOf(cidr: Cidr): Interval {
  const { address, length } = splitCidr(cidr);
  const first = addressToNumber(address);
  return { cidr, first, last: first + (1n << BigInt(bitsOf(cidrFamily(cidr)) - length)) - 1n };
}

/** By their first address; of those that begin together the widest is first. */
function widestFirst(a: Interval, b: Interval): number {
  if (a.first !== b.first) return a.first < b.first ? -1 : 1;
  return a.last === b.last ? 0 : a.last > b.last ? -1 : 1;
}

/** The first address of an interval that no later one holds. */
function firstFree(
  { first, last }: Pick<Interval, 'first' | 'last'>,
  sorted: readonly Interval[],
  place: number,
): bigint | undefined {
  let free = first;
  for (let i = place + 1; i < sorted.length && free <= last; i++) {
    const other = sorted[i];
    if (other === undefined || other.first > free) break;
    if (other.last >= free) free = other.last + 1n;
  }
  return free <= last ? free : undefined;
}
