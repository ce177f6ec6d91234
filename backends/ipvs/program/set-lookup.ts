import {
  type Cidr,
  cidrContains,
  hostCidr,
  type IpAddress,
  parseAddress,
  parseCidr,
} from '../../../compiler/values/address.ts';
import type { Port } from '../../../compiler/values/port.ts';
import type { IpSet } from './sets.ts';

/**
 * Whether a set holds what a packet shows.
 *
 * shown   the addresses that the rule's dimensions name, in their order; the second of a set of
 *         addresses and ports is the port's and its address means nothing
 */
export function setHolds(
  set: IpSet,
  shown: readonly IpAddress[],
  { port, protocol }: { readonly port: Port; readonly protocol: string },
): boolean {
  const entries = entriesOf(set);
  const [first, , third] = shown;
  if (first === undefined) return false;
  const [type] = set.definition.split(' ');
  switch (type) {
    case 'bitmap:port':
      return entries.has(String(port));
    case 'hash:ip':
      return entries.has(first);
    case 'hash:ip,port':
      return entries.has(`${first},${protocol}:${port}`);
    case 'hash:ip,port,ip':
      return entries.has(`${first},${protocol}:${port},${third}`);
    case 'hash:ip,port,net':
      return (
        third !== undefined && networksOf(set, `${first},${protocol}:${port}`).some((net) => cidrContains(net, third))
      );
    default:
      return false;
  }
}

const indexes = new WeakMap<IpSet, ReadonlySet<string>>();

function entriesOf(set: IpSet): ReadonlySet<string> {
  const known = indexes.get(set);
  if (known !== undefined) return known;
  const entries = new Set<string>(set.entries);
  indexes.set(set, entries);
  return entries;
}

export function networksOf(set: IpSet, frontend: string): readonly Cidr[] {
  return set.entries.flatMap((entry) => {
    if (!entry.startsWith(`${frontend},`)) return [];
    const text = entry.slice(frontend.length + 1);
    const address = parseAddress(text);
    return (address === undefined ? parseCidr(text) : hostCidr(address)) ?? [];
  });
}
