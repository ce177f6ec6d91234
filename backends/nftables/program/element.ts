import {
  addressToNumber,
  type Family,
  type IpAddress,
  isFamily,
  parseAddress,
} from '../../../compiler/values/address.ts';
import { oneText } from '../../../compiler/values/one-text.ts';
import { parsePort, protocolText } from '../../../compiler/values/port.ts';
import { unreachable } from '../../../compiler/values/unreachable.ts';
import { numberOf, parseEndpointData, parseProtocolWord, parseVerdict, takeCounter } from './parse-rule.ts';
import { endpointData, printVerdict, quotedComment } from './print-rule.ts';
import type { DataType, Element, KeyPart, NftSet } from './program.ts';
import type { EndpointAddress, Verdict } from './rule.ts';
import { type Tokens, tokensOf } from './tokens.ts';

/** `10.0.0.1 . tcp . 80`. */
export function keyText(...words: readonly string[]): string {
  return oneText(words, ' . ');
}

export function makeElement(key: string, data?: Verdict | EndpointAddress, comment?: string): Element {
  if (data === undefined && comment === undefined) return { key, data, text: key };
  const words = comment === undefined ? key : oneText([key, quotedComment(comment)], ' ');
  const text = data === undefined ? words : oneText([words, dataText(data)], ' : ');
  return comment === undefined ? { key, data, text } : { key, data, comment, text };
}

function dataText(data: Verdict | EndpointAddress): string {
  return 'kind' in data ? printVerdict(data) : endpointData(data);
}

/** Words between a key and its comment or data about how a kernel keeps the element, with one word after them. */
const kernelWords = ['timeout', 'expires'];

/** An element as nft lists it; undefined when it is none of its set's type. */
export function parseElement(family: Family, set: Pick<NftSet, 'key' | 'data'>, text: string): Element | undefined {
  const tokens = tokensOf(text);
  if (tokens === undefined) return undefined;
  const key = parseKey(family, set.key, tokens);
  for (const word of kernelWords) if (tokens.take(word)) tokens.next();
  takeCounter(tokens);
  const comment = tokens.take('comment') ? tokens.quoted() : undefined;
  const data = set.data === 'none' || tokens.take(':') ? parseData(family, set.data, tokens) : undefined;
  if (key === undefined || !tokens.done || (set.data !== 'none' && data === undefined)) return undefined;
  return makeElement(key, data, comment);
}

const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const ipv4 = `${octet}(?:\\.${octet}){3}`;
const keyForms: Readonly<Record<KeyPart, string>> = {
  address: ipv4,
  protocol: '(?:tcp|udp|sctp)',
  port: '[1-9]\\d{0,3}',
  slot: '(?:0|[1-9]\\d{0,8})',
};
const dataForms: Readonly<Record<DataType, string>> = {
  none: '',
  verdict: ' : (?:accept|drop|return|(?:goto|jump) [A-Za-z_][A-Za-z0-9_./-]{0,239})',
  endpoint: ` : ${ipv4} \\. [1-9]\\d{0,3}`,
};
const knownForms = new Map<string, RegExp>();

/**
 * What elements of a set look like as nft prints them: whatever fits is one. Some do not fit and are right all the same.
 */
export function elementForm(family: Family, { key, data }: Pick<NftSet, 'key' | 'data'>): RegExp {
  const id = `${family} ${key.join()} ${data}`;
  // An IPv6 address has several texts and only one of them is right, which no pattern can tell.
  const words = family === 'IPv6' ? '(?!)' : key.map((part) => keyForms[part]).join(' \\. ');
  const form = knownForms.get(id) ?? new RegExp(`^${words}(?: comment "[ !#-~]{0,128}")?${dataForms[data]}$`);
  knownForms.set(id, form);
  return form;
}

function parseKey(family: Family, parts: readonly KeyPart[], tokens: Tokens): string | undefined {
  const words: string[] = [];
  for (const [i, part] of parts.entries()) {
    if (i > 0 && !tokens.take('.')) return undefined;
    const word = parseKeyPart(family, part, tokens.next());
    if (word === undefined) return undefined;
    words.push(word);
  }
  return words.join(' . ');
}

function parseKeyPart(family: Family, part: KeyPart, word: string | undefined): string | undefined {
  switch (part) {
    case 'address': {
      const address = parseAddress(word);
      return address !== undefined && isFamily(family)(address) ? address : undefined;
    }
    case 'protocol': {
      const protocol = parseProtocolWord(word);
      return protocol && protocolText(protocol);
    }
    case 'port':
      return parsePort(numberOf(word)) === undefined ? undefined : String(Number(word));
    case 'slot': {
      const slot = numberOf(word);
      return slot === undefined ? undefined : String(slot);
    }
    default:
      return unreachable(part);
  }
}

function parseData(family: Family, type: DataType, tokens: Tokens): Verdict | EndpointAddress | undefined {
  switch (type) {
    case 'none':
      return undefined;
    case 'verdict':
      return parseVerdict(tokens);
    case 'endpoint': {
      const endpoint = parseEndpointData(tokens);
      return endpoint !== undefined && isFamily(family)(endpoint.address) ? endpoint : undefined;
    }
    default:
      return unreachable(type);
  }
}

/**
 * Elements in nft's order.
 *
 * One value sorts by its number. A concatenation sorts by the number that its bytes make on a little-endian machine:
 * addresses, protocols and ports are in it with their first byte first, slots with their last, and the very last byte
 * counts most (`concat_expr_msort_value` in nft's mergesort.c).
 */
export function sortElements(parts: readonly KeyPart[], elements: Iterable<Element>): Element[] {
  const keyed = [...elements].map((element) => ({ element, rank: rankOf(parts, element.key) }));
  return keyed.sort((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0)).map(({ element }) => element);
}

/** Text whose order is the order of elements. */
function rankOf(parts: readonly KeyPart[], key: string): string {
  const words = key.split(' . ');
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return codes(bytesOf(only, words[0] ?? ''));
  const bytes: number[] = [];
  parts.forEach((part, i) => {
    const own = bytesOf(part, words[i] ?? '');
    bytes.push(...(part === 'slot' ? own.reverse() : own));
  });
  return codes(bytes.reverse());
}

function codes(bytes: readonly number[]): string {
  return String.fromCharCode(...bytes);
}

const protocolNumbers: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** Most significant first. */
function bytesOf(part: KeyPart, word: string): number[] {
  switch (part) {
    case 'address':
      return word.includes(':') ? bytes16(addressToNumber(word as IpAddress)) : word.split('.').map(Number);
    case 'protocol':
      return [protocolNumbers[word] ?? 0];
    case 'port':
      return [Number(word) >> 8, Number(word) & 255];
    case 'slot':
      return [24, 16, 8, 0].map((shift) => (Number(word) >>> shift) & 255);
    default:
      return unreachable(part);
  }
}

function bytes16(value: bigint): number[] {
  return Array.from({ length: 16 }, (_, i) => Number((value >> BigInt(8 * (15 - i))) & 255n));
}
