import { hostCidr, parseAddress } from '../../../compiler/values/address.ts';
import { parsePort } from '../../../compiler/values/port.ts';
import type { Asked, Destination } from '../../equivalence/look.ts';
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
      for (const key of program.sets.get(statement.set)?.elements.keys() ?? []) {
        const port = parsePort(Number(key));
        if (port !== undefined) asked({ kind: 'port', protocol: statement.protocol, port });
      }
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
    const own = keyOfFlow(fields, flow).split(' . ');
    for (const parts of partsOf(set)) {
      const isSame = parts.every((part, i) => i === source || part === own[i]);
      const address = parseAddress(parts[source]);
      if (isSame && address !== undefined) asked({ kind: 'source', network: hostCidr(address) });
    }
  }
  if (flow.isTranslated || fields.includes('daddr') || !fields.includes('dport')) return;
  const [protocolAt, portAt] = [fields.indexOf('l4proto'), fields.indexOf('dport')];
  for (const parts of partsOf(set)) {
    const protocol = protocolAt < 0 ? flow.packet.protocol : parseProtocolWord(parts[protocolAt]);
    const port = parsePort(Number(parts[portAt]));
    if (protocol !== undefined && port !== undefined) asked({ kind: 'port', protocol, port });
  }
}

const split = new WeakMap<NftSet, readonly (readonly string[])[]>();

function partsOf(set: NftSet): readonly (readonly string[])[] {
  const known = split.get(set) ?? [...set.elements.keys()].map((key) => key.split(' . '));
  split.set(set, known);
  return known;
}

/** Destinations that maps and sets are looked up by. */
export function* destinationsIn(program: NftProgram): Generator<Destination> {
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
      yield* destinationsOf(set, statement.fields);
    }
  }
}

function* destinationsOf(set: NftSet, fields: readonly Field[]): Generator<Destination> {
  const [addressAt, protocolAt, portAt] = (['daddr', 'l4proto', 'dport'] as const).map((field) =>
    fields.indexOf(field),
  );
  if (addressAt === undefined || addressAt < 0) return;
  for (const parts of partsOf(set)) {
    const address = parseAddress(parts[addressAt]);
    if (address === undefined) continue;
    const protocol = parseProtocolWord(parts[protocolAt ?? -1]);
    const port = parsePort(Number(parts[portAt ?? -1]));
    yield protocol === undefined || port === undefined ? { address } : { address, protocol, port };
  }
}
