import { type IpAddress, splitCidr } from '../../compiler/values/address.ts';
import type { Destination, PortOf } from '../equivalence/look.ts';
import type { Flow } from './trace/flow.ts';
import type { Chain, Rule } from './rule.ts';

/** Below this, asking every rule is as quick. */
const worthIndexing = 16;

const indexes = new WeakMap<Chain, ReadonlyMap<string, readonly number[]>>();

/**
 * Places of the rules that a flow may match, in order; undefined: all. In a long chain those that want
 * another address or port are left out. A node has a chain with a rule for every frontend, and
 * thousands of probes walk it.
 */
export function candidateRules(chain: Chain, flow: Flow): readonly number[] | undefined {
  if (chain.lines.length < worthIndexing) return undefined;
  let index = indexes.get(chain);
  if (index === undefined) {
    index = indexChain(chain);
    indexes.set(chain, index);
  }
  const { destination, destinationPort } = flow;
  const keys = [
    ruleKey(destination, destinationPort),
    ruleKey(destination, any),
    ruleKey(any, destinationPort),
    ruleKey(any, any),
  ];
  // A Service's own chain: nearly every rule of it is for every packet that gets there.
  if (2 * (index.get(ruleKey(any, any))?.length ?? 0) > chain.lines.length) return undefined;
  const found = keys.flatMap((key) => index.get(key) ?? []);
  return found.length === chain.lines.length ? undefined : found.sort((a, b) => a - b);
}

function indexChain(chain: Chain): Map<string, number[]> {
  const index = new Map<string, number[]>();
  chain.rules.forEach((rule, place) => {
    const key = rule === undefined ? ruleKey(any, any) : ruleKey(wantedAddress(rule), wantedPort(rule));
    const places = index.get(key);
    if (places === undefined) index.set(key, [place]);
    else places.push(place);
  });
  return index;
}

const any = '*';

const none: readonly PortOf[] = [];
const portIndexes = new WeakMap<Chain, readonly PortOf[]>();

/** Ports that rules of a long chain want at whatever address: {@link candidateRules} leaves them out unasked. */
export function portsIn(chain: Chain): readonly PortOf[] {
  if (chain.lines.length < worthIndexing) return none;
  const known = portIndexes.get(chain);
  if (known !== undefined) return known;
  const ports = chain.rules.flatMap((rule): PortOf[] => {
    if (rule === undefined || wantedAddress(rule) !== any) return [];
    return rule.matches.flatMap((match) =>
      match.kind === 'transport' && match.dport !== undefined ? [{ protocol: match.protocol, port: match.dport }] : [],
    );
  });
  portIndexes.set(chain, ports);
  return ports;
}

/** Destinations that rules are for. */
export function* destinationsIn({ rules }: Pick<Chain, 'rules'>): Generator<Destination> {
  for (const rule of rules) {
    const address = rule === undefined ? any : wantedAddress(rule);
    if (rule === undefined || address === any) continue;
    const transport = rule.matches.find((match) => match.kind === 'transport');
    const { protocol, dport: port } = transport ?? {};
    yield protocol === undefined || port === undefined ? { address } : { address, protocol, port };
  }
}

function ruleKey(address: string, port: number | typeof any): string {
  return `${address} ${port}`;
}

/** The one destination that a rule is for. */
function wantedAddress(rule: Rule): IpAddress | typeof any {
  for (const match of rule.matches) {
    if (match.kind !== 'destination' || match.not === true) continue;
    const { address, length } = splitCidr(match.cidr);
    if (length === (address.includes(':') ? 128 : 32)) return address;
  }
  return any;
}

function wantedPort(rule: Rule): number | typeof any {
  for (const match of rule.matches) {
    if (match.kind === 'transport' && match.dport !== undefined) return match.dport;
  }
  return any;
}
