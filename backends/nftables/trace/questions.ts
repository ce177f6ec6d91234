import { type Cidr, hostCidr, parseAddress } from '../../../compiler/values/address.ts';
import { parsePort, type Protocol, protocols } from '../../../compiler/values/port.ts';
import type { Asked, Destination, PortOf } from '../../equivalence/look.ts';
import { parseProtocolWord } from '../program/parse-rule.ts';
import type { NftProgram, NftSet } from '../program/program.ts';
import type { Field, Statement } from '../program/rule.ts';
import type { Flow } from './flow.ts';
import { keyOfFlow, rememberers } from './keys.ts';

/** What a statement asks of a packet as it was sent; a destination that was translated is the program's own doing. */
export function askStatement(statement: Statement, flow: Flow, program: NftProgram, asked: Asked): void {
  switch (statement.kind) {
    case 'address':
      if (statement.side === 'daddr' && flow.isTranslated) return;
      for (const network of statement.networks) {
        asked({ kind: statement.side === 'saddr' ? 'source' : 'destination', network });
      }
      return;
    case 'inInterface':
      return asked({ kind: 'interface', name: statement.name, prefix: statement.prefix });
    case 'dport':
      return flow.isTranslated
        ? undefined
        : asked({ kind: 'port', protocol: statement.protocol, port: statement.port });
    case 'dportInSet': {
      if (flow.isTranslated) return;
      const set = program.sets.get(statement.set);
      if (set !== undefined) asked({ kind: 'ports', ports: portsIn(set, -1, 0, statement.protocol) });
      return;
    }
    case 'inSet': {
      const set = program.sets.get(statement.set);
      if (set?.dynamic !== undefined) {
        const endpoint = rememberers(program).get(statement.set);
        if (endpoint !== undefined) asked({ kind: 'remembered', ...endpoint });
      } else if (set !== undefined) askKeys(set, statement.fields, flow, asked);
      return;
    }
    case 'verdictMap': {
      const map = program.sets.get(statement.map);
      if (map !== undefined) askKeys(map, statement.fields, flow, asked);
      return;
    }
    default:
      return;
  }
}

/** Elements that other packets to the same place could be found by: other clients, and other ports at any address. */
function askKeys(set: NftSet, fields: readonly Field[], flow: Flow, asked: Asked): void {
  const source = fields.indexOf('saddr');
  if (source >= 0) {
    const own = keyOfFlow(fields, flow).split(' . ').toSpliced(source, 1).join(' . ');
    for (const network of sourcesIn(set, source).get(own) ?? []) asked({ kind: 'source', network });
  }
  if (flow.isTranslated || fields.includes('daddr') || !fields.includes('dport')) return;
  const ports = portsIn(set, fields.indexOf('l4proto'), fields.indexOf('dport'), flow.packet.protocol);
  asked({ kind: 'ports', ports });
}

const portLists = new WeakMap<NftSet, Map<string, readonly PortOf[]>>();

/**
 * The ports that a set knows at whatever address.
 *
 * protocolAt, portAt   places in its keys; a set without protocols (-1) is asked by packets of one
 */
function portsIn(set: NftSet, protocolAt: number, portAt: number, asking: Protocol): readonly PortOf[] {
  const lists = portLists.get(set) ?? new Map<string, readonly PortOf[]>();
  portLists.set(set, lists);
  const key = `${protocolAt} ${portAt} ${protocolAt < 0 ? asking : ''}`;
  const known = lists.get(key);
  if (known !== undefined) return known;
  const ports = partsOf(set).flatMap((parts): PortOf[] => {
    const protocol = protocolAt < 0 ? asking : parseProtocolWord(parts[protocolAt]);
    const port = parsePort(Number(parts[portAt]));
    return protocol === undefined || port === undefined ? [] : [{ protocol, port }];
  });
  lists.set(key, ports);
  return ports;
}

const split = new WeakMap<NftSet, readonly (readonly string[])[]>();

function partsOf(set: NftSet): readonly (readonly string[])[] {
  const known = split.get(set) ?? [...set.elements.keys()].map((key) => key.split(' . '));
  split.set(set, known);
  return known;
}

const bySource = new WeakMap<NftSet, Map<number, ReadonlyMap<string, readonly Cidr[]>>>();

/**
 * The sources that a set knows, by the other fields of its keys. Every packet asks, and the set of hairpin addresses
 * has a key for each endpoint.
 *
 * place   of the source among the fields of a key
 */
function sourcesIn(set: NftSet, place: number): ReadonlyMap<string, readonly Cidr[]> {
  const places = bySource.get(set) ?? new Map<number, ReadonlyMap<string, readonly Cidr[]>>();
  bySource.set(set, places);
  const known = places.get(place);
  if (known !== undefined) return known;
  const found = new Map<string, Cidr[]>();
  for (const parts of partsOf(set)) {
    const address = parseAddress(parts[place]);
    if (address === undefined) continue;
    const beside = parts.toSpliced(place, 1).join(' . ');
    const sources = found.get(beside);
    if (sources === undefined) found.set(beside, [hostCidr(address)]);
    else sources.push(hostCidr(address));
  }
  places.set(place, found);
  return found;
}

/** Destinations that maps and sets are looked up by. */
export function* destinationsIn(program: NftProgram): Generator<Destination> {
  const done = new Set<string>();
  for (const { rules } of program.chains.values()) {
    for (const statement of rules.flatMap((rule) => rule?.statements ?? [])) {
      const name =
        statement.kind === 'inSet'
          ? statement.set
          : statement.kind === 'verdictMap' || statement.kind === 'dnatMap'
            ? statement.map
            : undefined;
      const set = name === undefined ? undefined : program.sets.get(name);
      if (set === undefined || set.dynamic !== undefined || !('fields' in statement)) continue;
      const asking = statement.kind === 'dnatMap' ? [statement.protocol] : protocols;
      const lookup = `${set.name}: ${statement.fields.join(' . ')} ${asking.join()}`;
      if (done.has(lookup)) continue;
      done.add(lookup);
      yield* destinationsOf(set, statement.fields, asking);
    }
  }
}

/** asking   protocols of the packets that look there, where its keys have none */
function* destinationsOf(set: NftSet, fields: readonly Field[], asking: readonly Protocol[]): Generator<Destination> {
  const at = fields.indexOf('daddr');
  if (at < 0) return;
  const [protocolAt, portAt] = [fields.indexOf('l4proto'), fields.indexOf('dport')];
  for (const [key, { data }] of set.elements) {
    const parts = key.split(' . ');
    const address = parseAddress(parts[at]);
    if (address === undefined) continue;
    const named = parseProtocolWord(parts[protocolAt]);
    const port = parsePort(Number(parts[portAt]));
    if (port !== undefined) {
      for (const protocol of named === undefined ? asking : [named]) yield { address, protocol, port };
    } else if (fields.includes('saddr')) yield { address };
    else yield { address, among: JSON.stringify([set.name, named ?? '', data ?? '']) };
  }
}
