import { type Cidr, type Family, hostCidr, parseAddress, parseCidr } from '../../../compiler/values/address.ts';
import { type Protocol, parsePort } from '../../../compiler/values/port.ts';
import { type Name, parseName } from './names.ts';
import {
  type CtState,
  ctStates,
  type EndpointAddress,
  type Field,
  type Rule,
  type Slots,
  type Statement,
  type Verdict,
} from './rule.ts';
import { familyWord } from './print-rule.ts';
import { type Tokens, tokensOf } from './tokens.ts';

/**
 * A rule from a listing; undefined when it is outside the vocabulary.
 *
 * Reads what nft 1.0.6 and newer print, with protocols as names or as numbers: nft has the names from
 * /etc/protocols, which an image may lack.
 */
export function parseRule(family: Family, line: string): Rule | undefined {
  const tokens = tokensOf(line);
  if (tokens === undefined) return undefined;
  const statements: Statement[] = [];
  while (!tokens.done) {
    if (tokens.take('comment')) {
      const comment = tokens.quoted();
      return comment === undefined || !tokens.done ? undefined : { statements, comment };
    }
    const statement = parseStatement(family, tokens);
    if (statement === undefined) return undefined;
    statements.push(statement);
  }
  return { statements };
}

/**
 * The conditions of a line before the first word that is outside the vocabulary, or that does something: a packet that does
 * not fit one of these cannot reach the rest.
 *
 * line   one that {@link parseRule} does not take
 */
export function readableConditions(family: Family, line: string): readonly Statement[] {
  const tokens = tokensOf(line);
  const conditions: Statement[] = [];
  while (tokens !== undefined && !tokens.done) {
    const statement = parseStatement(family, tokens);
    if (statement === undefined || !isCondition(statement)) break;
    conditions.push(statement);
  }
  return conditions;
}

function isCondition({ kind }: Statement): boolean {
  return ['ctState', 'ctStatusDnat', 'address', 'inSet', 'inInterface', 'protocol', 'dport', 'dportInSet']
    .concat('localAddress', 'mark')
    .includes(kind);
}

function parseStatement(family: Family, tokens: Tokens): Statement | undefined {
  if (tokens.take('ct')) return parseCt(tokens);
  if (tokens.take('fib')) return parseFib(tokens);
  if (tokens.take('iifname')) {
    const not = negation(tokens);
    const text = tokens.quoted();
    const name = /^([A-Za-z0-9._@-]{1,15})(\*?)$/.exec(text ?? '');
    return name?.[1] === undefined
      ? undefined
      : { kind: 'inInterface', name: name[1], prefix: name[2] === '*', ...not };
  }
  if (tokens.take('numgen')) {
    const modulus = parseNumgen(tokens);
    const slots = tokens.take('vmap') ? parseSlots(tokens, parseVerdict) : undefined;
    return modulus === undefined ? undefined : slots && { kind: 'verdictSlots', modulus, slots };
  }
  if (tokens.take('update')) {
    const set = parseReference(tokens);
    const ok = tokens.take('{') && tokens.take(familyWord(family)) && tokens.take('saddr') && tokens.take('}');
    return set && ok ? { kind: 'update', set } : undefined;
  }
  if (takeCounter(tokens)) return { kind: 'counter' };
  if (tokens.take('dnat')) return parseDnat(family, tokens);
  if (tokens.take('masquerade')) return { kind: 'masquerade', fullyRandom: tokens.take('fully-random') };
  if (tokens.take('reject')) return { kind: 'reject' };
  const verdict = parseVerdict(tokens);
  if (verdict !== undefined) return { kind: 'verdict', verdict };
  return parseQuestion(family, tokens);
}

/** `counter packets 5 bytes 300`: whatever it has counted, it is the same rule. */
export function takeCounter(tokens: Tokens): boolean {
  if (!tokens.take('counter')) return false;
  for (const word of ['packets', 'bytes']) if (tokens.take(word)) tokens.next();
  return true;
}

function parseCt(tokens: Tokens): Statement | undefined {
  if (tokens.take('status')) return tokens.take('dnat') ? { kind: 'ctStatusDnat' } : undefined;
  if (!tokens.take('state')) return undefined;
  const states: CtState[] = [];
  do {
    const word = tokens.next();
    const state = ctStates.find((known) => known === word);
    if (state === undefined) return undefined;
    states.push(state);
  } while (tokens.take(','));
  return { kind: 'ctState', states };
}

function parseFib(tokens: Tokens): Statement | undefined {
  const side = parseSide(tokens);
  if (side === undefined || !tokens.take('type')) return undefined;
  const not = negation(tokens);
  return tokens.take('local') ? { kind: 'localAddress', side, ...not } : undefined;
}

/** What begins with a field of the packet: a comparison, or a look-up of one field or several. */
function parseQuestion(family: Family, tokens: Tokens): Statement | undefined {
  const fields = parseFields(family, tokens);
  if (fields === undefined) return undefined;
  const [first] = fields;
  if (first === 'mark') return parseMark(tokens);
  if (typeof first === 'object') return parseDport(first.protocol, tokens);
  const plain = fields.filter((field): field is Field => typeof field === 'string' && field !== 'mark');
  if (plain.length !== fields.length) return undefined;
  if (tokens.take('vmap')) {
    const map = parseReference(tokens);
    return map && { kind: 'verdictMap', fields: plain, map };
  }
  const not = negation(tokens);
  if (tokens.peek()?.startsWith('@')) {
    const set = parseReference(tokens);
    return set && { kind: 'inSet', fields: plain, set, ...not };
  }
  if (fields.length > 1) return undefined;
  if (first === 'l4proto') {
    const protocol = not.not ? undefined : parseProtocolWord(tokens.next());
    return protocol && { kind: 'protocol', protocol };
  }
  if (first !== 'saddr' && first !== 'daddr') return undefined;
  const networks = parseNetworks(tokens);
  return networks && { kind: 'address', side: first, networks, ...not };
}

/** A field, the packet's mark, or the port of one protocol. */
type Asked = Field | 'mark' | { readonly protocol: Protocol };

function parseFields(family: Family, tokens: Tokens): Asked[] | undefined {
  const fields: Asked[] = [];
  do {
    const field = parseField(family, tokens);
    if (field === undefined) return undefined;
    fields.push(field);
  } while (tokens.take('.'));
  return fields;
}

function parseField(family: Family, tokens: Tokens): Asked | undefined {
  const word = tokens.next();
  if (word === familyWord(family)) return parseSide(tokens);
  if (word === 'meta') {
    if (tokens.take('l4proto')) return 'l4proto';
    return tokens.take('mark') ? 'mark' : undefined;
  }
  if (!tokens.take('dport')) return undefined;
  if (word === 'th') return 'dport';
  const protocol = parseProtocolWord(word);
  return protocol && { protocol };
}

function parseSide(tokens: Tokens): 'saddr' | 'daddr' | undefined {
  if (tokens.take('saddr')) return 'saddr';
  return tokens.take('daddr') ? 'daddr' : undefined;
}

function parseDport(protocol: Protocol, tokens: Tokens): Statement | undefined {
  if (tokens.peek()?.startsWith('@')) {
    const set = parseReference(tokens);
    return set && { kind: 'dportInSet', protocol, set };
  }
  const port = parsePort(numberOf(tokens.next()));
  return port && { kind: 'dport', protocol, port };
}

/** After `meta mark`: `& mask == value`, `& mask != value`, `set meta mark | bits`. */
function parseMark(tokens: Tokens): Statement | undefined {
  if (tokens.take('set')) {
    if (!tokens.take('meta') || !tokens.take('mark')) return undefined;
    const operation = tokens.take('|') ? 'or' : tokens.take('^') ? 'xor' : undefined;
    const bits = numberOf(tokens.next());
    return operation && bits !== undefined ? { kind: 'setMark', operation, bits } : undefined;
  }
  if (!tokens.take('&')) return parseMarkPrefix(tokens);
  const mask = numberOf(tokens.next());
  const not = negation(tokens);
  if (not.not === undefined) tokens.take('==');
  const value = numberOf(tokens.next());
  return mask === undefined || value === undefined ? undefined : { kind: 'mark', mask, value, ...not };
}

/** `!= 0x00000000/1`: the highest bits. */
function parseMarkPrefix(tokens: Tokens): Statement | undefined {
  const not = negation(tokens);
  const [valueText, lengthText] = (tokens.next() ?? '').split('/');
  const value = numberOf(valueText);
  const length = numberOf(lengthText) ?? 0;
  if (value === undefined || length < 1 || length > 32) return undefined;
  return { kind: 'mark', mask: (0xffff_ffff << (32 - length)) >>> 0, value, ...not };
}

function parseDnat(family: Family, tokens: Tokens): Statement | undefined {
  if (tokens.take('to')) {
    const to = parseEndpointText(tokens.next());
    return to && { kind: 'dnat', to };
  }
  if (!tokens.take(familyWord(family)) || !tokens.take('to')) return undefined;
  if (tokens.take('numgen')) {
    const modulus = parseNumgen(tokens);
    const slots = tokens.take('map') ? parseSlots(tokens, parseEndpointData) : undefined;
    return modulus === undefined ? undefined : slots && { kind: 'dnatSlots', modulus, slots };
  }
  const fields: Field[] = [];
  let protocol: Protocol | undefined;
  while (!tokens.take('numgen')) {
    const field = parseField(family, tokens);
    if (field === undefined || field === 'mark' || !tokens.take('.')) return undefined;
    if (typeof field === 'object') ({ protocol } = field);
    fields.push(typeof field === 'object' ? 'dport' : field);
  }
  const modulus = parseNumgen(tokens);
  const map = tokens.take('map') ? parseReference(tokens) : undefined;
  return modulus === undefined ? undefined : map && protocol && { kind: 'dnatMap', fields, protocol, modulus, map };
}

/** After `numgen`. */
function parseNumgen(tokens: Tokens): number | undefined {
  if (!tokens.take('random') || !tokens.take('mod')) return undefined;
  return numberOf(tokens.next());
}

function parseSlots<Outcome>(
  tokens: Tokens,
  parse: (tokens: Tokens) => Outcome | undefined,
): Slots<Outcome>[] | undefined {
  if (!tokens.take('{')) return undefined;
  const slots: Slots<Outcome>[] = [];
  do {
    const range = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(tokens.next() ?? '');
    const outcome = range !== null && tokens.take(':') ? parse(tokens) : undefined;
    if (range === null || outcome === undefined) return undefined;
    slots.push({ from: Number(range[1]), to: Number(range[2] ?? range[1]), outcome });
  } while (tokens.take(','));
  return tokens.take('}') ? slots : undefined;
}

/** `drop`, `goto chain`; undefined, with nothing taken, for anything else. */
export function parseVerdict(tokens: Tokens): Verdict | undefined {
  for (const kind of ['accept', 'drop', 'return'] as const) if (tokens.take(kind)) return { kind };
  for (const kind of ['jump', 'goto'] as const) {
    if (!tokens.take(kind)) continue;
    const chain = parseName(tokens.next());
    return chain && { kind, chain };
  }
  return undefined;
}

/** `10.0.0.1 . 80`. */
export function parseEndpointData(tokens: Tokens): EndpointAddress | undefined {
  const address = parseAddress(tokens.next());
  const port = tokens.take('.') ? parsePort(numberOf(tokens.next())) : undefined;
  return address && port && { address, port };
}

function parseEndpointText(text: string | undefined): EndpointAddress | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text ?? '');
  const address = parseAddress(match?.[1] ?? match?.[2]);
  const port = parsePort(numberOf(match?.[3]));
  return address && port && { address, port };
}

function parseNetworks(tokens: Tokens): Cidr[] | undefined {
  if (!tokens.take('{')) {
    const network = networkOf(tokens.next());
    return network && [network];
  }
  const networks: Cidr[] = [];
  do {
    const network = networkOf(tokens.next());
    if (network === undefined) return undefined;
    networks.push(network);
  } while (tokens.take(','));
  return tokens.take('}') ? networks : undefined;
}

function networkOf(text: string | undefined): Cidr | undefined {
  const address = parseAddress(text);
  return address === undefined ? parseCidr(text) : hostCidr(address);
}

function parseReference(tokens: Tokens): Name | undefined {
  const word = tokens.next();
  return word?.startsWith('@') ? parseName(word.slice(1)) : undefined;
}

function negation(tokens: Tokens): { readonly not?: true } {
  return tokens.take('!=') ? { not: true } : {};
}

/** A protocol by its name, or by its number where nft knows no names. */
export function parseProtocolWord(text: string | undefined): Protocol | undefined {
  switch (text) {
    case 'tcp':
    case '6':
      return 'TCP';
    case 'udp':
    case '17':
      return 'UDP';
    case 'sctp':
    case '132':
      return 'SCTP';
    default:
      return undefined;
  }
}

/** Decimal, or hexadecimal as marks are printed; undefined: no number of 32 bits. */
export function numberOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^(0x[0-9a-f]{1,8}|\d{1,10})$/.test(text)) return undefined;
  const number = Number(text);
  return number <= 0xffff_ffff ? number : undefined;
}
