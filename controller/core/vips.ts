import { createHash } from 'node:crypto';
import {
  addressFromNumber,
  addressToNumber,
  type Cidr,
  cidrContains,
  cidrFamily,
  type IpAddress,
  parseAddress,
  splitCidr,
} from '../../compiler/values/address.ts';

/**
 * The clusterset IPs of an import, one for each of its families that has a range, in the order of its families
 * (CC-14). A present address stays if it lies in a range; otherwise the search begins at a place that depends only on the
 * import's name, so that a controller that lost its state finds the same address again.
 *
 * taken   address → topic, of all imports
 * gives   false: no new address is given away, so only present ones count
 */
export function clusterSetIpsFor(
  topic: string,
  families: readonly string[],
  ranges: readonly Cidr[],
  current: readonly string[],
  taken: ReadonlyMap<string, string>,
  gives: boolean,
): readonly IpAddress[] {
  return families.flatMap((family) => {
    const range = ranges.find((each) => cidrFamily(each) === family);
    if (range === undefined) return [];
    const kept = current
      .map(parseAddress)
      .find((address) => address !== undefined && cidrContains(range, address) && isFree(address, topic, taken));
    const found = kept ?? (gives ? firstFree(topic, range, taken) : undefined);
    return found === undefined ? [] : [found];
  });
}

function isFree(address: IpAddress, topic: string, taken: ReadonlyMap<string, string>): boolean {
  const holder = taken.get(address);
  return holder === undefined || holder === topic;
}

/** The most addresses that one search looks at. */
const maxSteps = 1 << 20;

function firstFree(topic: string, range: Cidr, taken: ReadonlyMap<string, string>): IpAddress | undefined {
  const { address, length } = splitCidr(range);
  const family = cidrFamily(range);
  const bits = (family === 'IPv4' ? 32 : 128) - length;
  // The first address is the network's, and the last IPv4 address is the broadcast address.
  const [first, count] = [addressToNumber(address) + 1n, (1n << BigInt(bits)) - 2n];
  if (count <= 0n) return undefined;
  const start = BigInt(`0x${createHash('sha256').update(`${family} ${topic}`).digest('hex')}`) % count;
  const steps = count < BigInt(maxSteps) ? count : BigInt(maxSteps);
  for (let i = 0n; i < steps; i++) {
    const candidate = addressFromNumber(first + ((start + i) % count), family);
    if (isFree(candidate, topic, taken)) return candidate;
  }
  return undefined;
}
