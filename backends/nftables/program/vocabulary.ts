import { specialAddress, unfitForEndpoint } from '../../../compiler/model/special-address.ts';
import { type Cidr, splitCidr } from '../../../compiler/values/address.ts';
import { unreachable } from '../../../compiler/values/unreachable.ts';
import { hookText } from './print.ts';
import type { Element, NftProgram, NftSet } from './program.ts';
import type { Rule, Slots, Statement, Verdict } from './rule.ts';

/**
 * What programs hold: which rules in which chains, which elements in which sets, whatever Services they are for.
 *
 * The words of rules and elements allow more than any program does: that a Service's element accepts, say. A saved plan may
 * hold no more than programs do.
 */
export interface Vocabulary {
  /** Parts of a program, found or made, that are outside this vocabulary, one text each. */
  strangeParts(program: NftProgram): string[];
}

/** programs   together hold every part that programs can have */
export function vocabularyOf(programs: Iterable<NftProgram>): Vocabulary {
  const shapes = new Set<string>();
  for (const program of programs) for (const { shape } of parts(program)) shapes.add(shape);
  return {
    strangeParts: (program) => [...parts(program)].flatMap(({ shape, text }) => (shapes.has(shape) ? [] : [text()])),
  };
}

interface Part {
  readonly shape: string;
  readonly text: () => string;
}

function* parts({ chains, sets }: NftProgram): Generator<Part> {
  for (const { name, hook, lines, rules } of chains.values()) {
    const where = kindOf(name);
    yield { shape: `chain ${where} ${hook === undefined ? '' : hookText(hook)}`, text: () => `chain ${name}` };
    for (const [i, line] of lines.entries()) {
      yield { shape: `${where}: ${ruleShape(rules[i])}`, text: () => `${name}: ${line}` };
    }
  }
  for (const set of sets.values()) {
    yield { shape: `set ${setShape(set)}`, text: () => `set ${set.name}` };
    for (const element of set.elements.values()) {
      yield { shape: `${kindOf(set.name)}: ${elementShape(element)}`, text: () => `${set.name}: ${element.text}` };
    }
  }
}

/** What is a Service port's has its name behind a slash. */
function kindOf(name: string): string {
  const slash = name.indexOf('/');
  return slash < 0 ? name : name.slice(0, slash + 1);
}

function setShape({ name, key, data, dynamic, counted }: NftSet): string {
  const words = [...(dynamic === undefined ? [] : ['dynamic']), ...(counted === true ? ['counted'] : [])];
  return [kindOf(name), key.join(' . '), data, ...words].join(' ');
}

function elementShape({ data }: Element): string {
  if (data === undefined) return 'element';
  return 'kind' in data ? verdictShape(data) : `endpoint ${unfitForEndpoint(data.address) ?? ''}`;
}

function verdictShape(verdict: Verdict): string {
  return 'chain' in verdict ? `${verdict.kind} ${kindOf(verdict.chain)}` : verdict.kind;
}

function ruleShape(rule: Rule | undefined): string {
  return rule === undefined ? 'not understood' : rule.statements.map(statementShape).join(', ');
}

function statementShape(statement: Statement): string {
  const not = 'not' in statement ? 'not ' : '';
  switch (statement.kind) {
    case 'ctState':
      return `state ${statement.states.join()}`;
    case 'address':
      return `${not}${statement.side} ${statement.networks.map(networkShape).join()}`;
    case 'inSet':
      return `${not}${statement.fields.join()} in ${kindOf(statement.set)}`;
    case 'inInterface':
      return `${not}interface${statement.prefix ? ' prefix' : ''}`;
    case 'dportInSet':
      return `port in ${kindOf(statement.set)}`;
    case 'localAddress':
      return `${not}${statement.side} local`;
    case 'mark':
      return `${not}mark ${bitShape(statement.value)} of ${bitShape(statement.mask)}`;
    case 'setMark':
      return `${statement.operation} ${bitShape(statement.bits)}`;
    case 'update':
      return `update ${kindOf(statement.set)}`;
    case 'verdictMap':
      return `${statement.fields.join()} by ${kindOf(statement.map)}`;
    case 'verdictSlots':
      return `one of ${outcomes(statement.slots, verdictShape)}`;
    case 'dnat':
      return `dnat ${unfitForEndpoint(statement.to.address) ?? ''}`;
    case 'dnatSlots':
      return `dnat one of ${outcomes(statement.slots, ({ address }) => unfitForEndpoint(address) ?? '')}`;
    case 'dnatMap':
      return `dnat ${statement.fields.join()} by ${kindOf(statement.map)}`;
    case 'masquerade':
      return `masquerade${statement.fullyRandom ? ' fully' : ''}`;
    case 'verdict':
      return verdictShape(statement.verdict);
    case 'ctStatusDnat':
    case 'counter':
    case 'protocol':
    case 'dport':
    case 'reject':
      return statement.kind;
    default:
      return unreachable(statement);
  }
}

function outcomes<Outcome>(slots: readonly Slots<Outcome>[], shape: (outcome: Outcome) => string): string {
  return [...new Set(slots.map(({ outcome }) => shape(outcome)))].sort().join();
}

/** One address or a network of them. Programs name loopback as a whole, and nothing else that is special. */
function networkShape(cidr: Cidr): string {
  const { address, length } = splitCidr(cidr);
  if (specialAddress(address) === 'loopback') return `loopback/${length}`;
  return length === (address.includes(':') ? 128 : 32) ? 'host' : 'network';
}

/** Which bit marks a packet is a setting; that it is one is not. */
function bitShape(word: number): string {
  return word !== 0 && (word & (word - 1)) === 0 ? 'bit' : String(word);
}
