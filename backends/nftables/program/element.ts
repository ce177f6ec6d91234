import { type Family, isFamily, parseAddress } from '../../../compiler/values/address.ts';
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
