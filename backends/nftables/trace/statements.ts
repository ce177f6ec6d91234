import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { isNodeAddress } from '../../../compiler/semantics/place.ts';
import { cidrContains } from '../../../compiler/values/address.ts';
import { multiply, rational, type Rational } from '../../../compiler/values/rational.ts';
import { unreachable } from '../../../compiler/values/unreachable.ts';
import { endpointData } from '../program/print-rule.ts';
import type { NftProgram } from '../program/program.ts';
import type { EndpointAddress, Slots, Statement, Verdict } from '../program/rule.ts';
import type { Asked } from '../../equivalence/look.ts';
import { keyOfFlow, rememberers } from './keys.ts';
import { askStatement } from './questions.ts';
import { type Flow, translated } from './flow.ts';

/** How a flow leaves a statement. `miss`: the rule ends here, and the next one is tried. */
export type Exit =
  | { readonly by: 'next' | 'miss'; readonly flow: Flow }
  | { readonly by: 'verdict'; readonly verdict: Verdict | { readonly kind: 'reject' }; readonly flow: Flow };

/** What could not be read of the set or map that a statement looks into. */
export function unreadIn(statement: Statement, { unread }: NftProgram): readonly string[] {
  const name = 'set' in statement ? statement.set : 'map' in statement ? statement.map : undefined;
  return name === undefined ? [] : (unread?.get(name) ?? []);
}

/**
 * What happens to a flow at one statement: more than one exit where a number is drawn.
 *
 * returns  undefined when the statement asks for a set or map that is not there, or whose answer was not read
 */
export function tryStatement(
  statement: Statement,
  flow: Flow,
  program: NftProgram,
  node: NodeContext,
  asked?: Asked,
): Exit[] | undefined {
  if (asked !== undefined) askStatement(statement, flow, program, asked);
  const answer = (holds: boolean): Exit[] => [{ by: holds ? 'next' : 'miss', flow }];
  const wanted = (holds: boolean): Exit[] => answer(holds !== ('not' in statement && statement.not));
  // What is not found there may be among what was not read.
  const isUnsure = unreadIn(statement, program).length > 0;
  switch (statement.kind) {
    case 'ctState':
      return answer(statement.states.includes('new'));
    case 'ctStatusDnat':
      return answer(flow.isTranslated);
    case 'address': {
      const address = statement.side === 'saddr' ? flow.packet.source : flow.destination;
      return wanted(statement.networks.some((network) => cidrContains(network, address)));
    }
    case 'inSet': {
      const set = program.sets.get(statement.set);
      if (set === undefined) return undefined;
      if (set.dynamic !== undefined) return wanted(isRemembered(statement.set, flow, program));
      const isIn = set.elements.has(keyOfFlow(statement.fields, flow));
      return isUnsure && !isIn ? undefined : wanted(isIn);
    }
    case 'inInterface':
      return wanted(
        statement.prefix ? flow.inInterface.startsWith(statement.name) : flow.inInterface === statement.name,
      );
    case 'protocol':
      return answer(statement.protocol === flow.packet.protocol);
    case 'dport':
      return answer(statement.protocol === flow.packet.protocol && statement.port === flow.destinationPort);
    case 'dportInSet': {
      const set = program.sets.get(statement.set);
      if (set === undefined) return undefined;
      if (statement.protocol !== flow.packet.protocol) return answer(false);
      const isIn = set.elements.has(String(flow.destinationPort));
      return isUnsure && !isIn ? undefined : answer(isIn);
    }
    case 'localAddress':
      return wanted(isNodeAddress(statement.side === 'saddr' ? flow.packet.source : flow.destination, node));
    case 'mark':
      return wanted((flow.mark & statement.mask) >>> 0 === statement.value);
    case 'setMark': {
      const mark = statement.operation === 'or' ? flow.mark | statement.bits : flow.mark ^ statement.bits;
      return [{ by: 'next', flow: { ...flow, mark: mark >>> 0 } }];
    }
    case 'counter':
      return answer(true);
    case 'update':
      return program.sets.has(statement.set) ? answer(true) : undefined;
    case 'verdictMap': {
      const map = program.sets.get(statement.map);
      if (map === undefined) return undefined;
      const data = map.elements.get(keyOfFlow(statement.fields, flow))?.data;
      if (data === undefined) return isUnsure ? undefined : answer(false);
      return 'kind' in data ? [{ by: 'verdict', verdict: data, flow }] : undefined;
    }
    case 'verdictSlots':
      return draw(statement.modulus, statement.slots, flow, (verdict, part) => ({
        by: 'verdict',
        verdict,
        flow: part,
      }));
    case 'dnat':
      return [{ by: 'verdict', verdict: { kind: 'accept' }, flow: translated(flow, statement.to) }];
    case 'dnatSlots':
      return draw(statement.modulus, statement.slots, flow, dnatTo);
    case 'dnatMap': {
      const map = program.sets.get(statement.map);
      if (map === undefined) return undefined;
      if (statement.protocol !== flow.packet.protocol) return answer(false);
      const key = keyOfFlow(statement.fields, flow);
      const slots: Slots<EndpointAddress>[] = [];
      for (let slot = 0; slot < statement.modulus; slot++) {
        const data = map.elements.get(`${key} . ${slot}`)?.data;
        if (data !== undefined && 'address' in data) slots.push({ from: slot, to: slot, outcome: data });
      }
      if (isUnsure && slots.length < statement.modulus) return undefined;
      return draw(statement.modulus, slots, flow, dnatTo);
    }
    case 'masquerade':
      return [{ by: 'verdict', verdict: { kind: 'accept' }, flow: { ...flow, isMasqueraded: true } }];
    case 'reject':
      return [{ by: 'verdict', verdict: { kind: 'reject' }, flow }];
    case 'verdict':
      return [{ by: 'verdict', verdict: statement.verdict, flow }];
    default:
      return unreachable(statement);
  }
}

function dnatTo(endpoint: EndpointAddress, flow: Flow): Exit {
  return { by: 'verdict', verdict: { kind: 'accept' }, flow: translated(flow, endpoint) };
}

/** Each outcome with its part of the numbers; a number without an outcome misses. */
function draw<Outcome extends Verdict | EndpointAddress>(
  modulus: number,
  slots: readonly Slots<Outcome>[],
  flow: Flow,
  exit: (outcome: Outcome, part: Flow) => Exit,
): Exit[] {
  const counts = new Map<string, { readonly outcome: Outcome; count: number }>();
  let rest = modulus;
  for (const { from, to, outcome } of slots) {
    const text = 'address' in outcome ? endpointData(outcome) : JSON.stringify(outcome);
    const known = counts.get(text) ?? { outcome, count: 0 };
    counts.set(text, known);
    known.count += to - from + 1;
    rest -= to - from + 1;
  }
  const part = (count: number): Rational => multiply(flow.share, rational(count, modulus));
  const exits = [...counts.values()].map(({ outcome, count }) => exit(outcome, { ...flow, share: part(count) }));
  return rest > 0 ? [...exits, { by: 'miss', flow: { ...flow, share: part(rest) } }] : exits;
}

/** A set of clients is filled where a chain translates to one endpoint: the clients in it are remembered there. */
function isRemembered(set: string, flow: Flow, program: NftProgram): boolean {
  const { remembered } = flow.packet;
  const endpoint = remembered && rememberers(program).get(set);
  return endpoint !== undefined && endpoint.address === remembered?.address && endpoint.port === remembered.port;
}
