import {
  type Cidr,
  cidrContains,
  hostCidr,
  type IpAddress,
  parseAddress,
  parseCidr,
} from '../../../compiler/values/address.ts';
import type { Port } from '../../../compiler/values/port.ts';
import type { IpSet, SetType } from './sets.ts';

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
  const { type, entries } = indexOf(set);
  const [first, , third] = shown;
  if (first === undefined || entries.size === 0) return false;
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

/** The type of a set's entries, by its definition; slicewright looks up nothing in sets of other types. */
export function typeOf(set: IpSet): SetType | 'other' {
  return indexOf(set).type;
}

/** A set as it is looked up: every packet asks every set, and there are tens of thousands of entries. */
interface Index {
  readonly type: SetType | 'other';
  readonly entries: ReadonlySet<string>;
  /** For a set of pairs, the second parts for each first part; made on first use. */
  networks: ReadonlyMap<string, readonly Cidr[]> | undefined;
}

const indexes = new WeakMap<IpSet, Index>();
const types: readonly string[] = [
  'hash:ip',
  'hash:ip,port',
  'hash:ip,port,ip',
  'hash:ip,port,net',
  'bitmap:port',
] satisfies readonly SetType[];

function indexOf(set: IpSet): Index {
  const known = indexes.get(set);
  if (known !== undefined) return known;
  const [type = ''] = set.definition.split(' ');
  const isKnown = (text: string): text is SetType => types.includes(text);
  const made = {
    type: isKnown(type) ? type : 'other',
    entries: new Set<string>(set.entries),
    networks: undefined,
  } as const;
  indexes.set(set, made);
  return made;
}

/** The networks, or hosts, that a set names beside an address and port: `10.0.0.1,tcp:80`. */
export function networksOf(set: IpSet, frontend: string): readonly Cidr[] {
  const index = indexOf(set);
  index.networks ??= networksIn(set);
  return index.networks.get(frontend) ?? [];
}

function networksIn({ entries }: IpSet): ReadonlyMap<string, readonly Cidr[]> {
  const found = new Map<string, Cidr[]>();
  for (const entry of entries) {
    const end = entry.indexOf(',', entry.indexOf(',') + 1);
    if (end < 0) continue;
    const text = entry.slice(end + 1);
    const address = parseAddress(text);
    const network = address === undefined ? parseCidr(text) : hostCidr(address);
    if (network === undefined) continue;
    const frontend = entry.slice(0, end);
    const beside = found.get(frontend);
    if (beside === undefined) found.set(frontend, [network]);
    else beside.push(network);
  }
  return found;
}
