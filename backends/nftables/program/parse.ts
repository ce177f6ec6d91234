import type { Family } from '../../../compiler/values/address.ts';
import { parseHook } from './hook.ts';
import { readElements } from './listed-elements.ts';
import { parseName } from './names.ts';
import { numberOf, parseProtocolWord } from './parse-rule.ts';
import { exampleOf, typeOf } from './print.ts';
import {
  type Chain,
  chainFromLines,
  type DataType,
  type Hook,
  type KeyPart,
  type NftProgram,
  type NftSet,
} from './program.ts';

/** A table as it was read. */
export interface ReadTable {
  readonly program: NftProgram;
  /** Lines of the table outside the vocabulary: another program wrote them, or a newer nft prints them differently. */
  readonly strange: readonly string[];
}

/** Which family a table is read for, by the word before its name; undefined: it is passed over. */
export type FamilyOf = (word: string) => Family | undefined;

export const familyOfWord: FamilyOf = (word) => (word === 'ip' ? 'IPv4' : word === 'ip6' ? 'IPv6' : undefined);

/**
 * Every table of a family ip or ip6 in a listing of nft (`nft list table`, `nft list ruleset`, a document of slicewright),
 * by `ip slicewright`.
 *
 * familyOf   other tables than those
 * known      a program that most likely is listed: each part that is listed as it is in there is that very value, without parsing
 * returns    undefined when the text ends in the middle, which a listing that was cut short does
 */
export function parseListing(
  text: string,
  familyOf: FamilyOf = familyOfWord,
  known?: NftProgram,
): ReadonlyMap<string, ReadTable> | undefined {
  const tables = new Map<string, ReadTable>();
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (line === '' || line.startsWith('#')) continue;
    const head = /^table (\S+) (\S+) \{/.exec(line);
    const end = lines.indexOf('}', at);
    if (head === null || end < 0) return undefined;
    const [, familyName = '', name = ''] = head;
    const table = parseName(name);
    const family = familyOf(familyName);
    if (family !== undefined && table !== undefined) {
      const same = known?.family === family && known.table === table ? known : undefined;
      tables.set(`${familyName} ${name}`, parseTable(family, table, lines.slice(at + 1, end), same));
    }
    at = end;
  }
  return tables;
}

function parseTable(
  family: Family,
  table: NftProgram['table'],
  lines: readonly string[],
  known: NftProgram | undefined,
): ReadTable {
  const sets = new Map<string, NftSet>();
  const chains = new Map<string, Chain>();
  const strange: string[] = [];
  const unread = new Map<string, readonly string[]>();
  let comment: string | undefined;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (line.trim() === '') continue;
    const words = /^\tcomment "([^"]*)"$/.exec(line);
    if (words !== null) {
      comment = words[1];
      continue;
    }
    const end = lines.indexOf('\t}', at);
    const block = /^\t(set|map|chain) (\S+) \{(?: # handle \d+)?$/.exec(line);
    const body = lines.slice(at + 1, end < 0 ? lines.length : end);
    const name = parseName(block?.[2]);
    if (block === null || name === undefined) strange.push(line.trim());
    else if (block[1] === 'chain')
      chains.set(name, parseChain(family, name, body.map(withoutIndent), known?.chains.get(name)));
    else {
      const before = strange.length;
      const set = parseSet(family, name, body, strange, known?.sets.get(name));
      if (set === undefined) strange.push(line.trim());
      else sets.set(name, set);
      if (strange.length > before) unread.set(name, strange.slice(before));
    }
    if (end >= 0) at = end;
  }
  const program = { family, table, sets, chains, ...(unread.size > 0 ? { unread } : {}) };
  return { program: comment === undefined ? program : { ...program, comment }, strange };
}

function withoutIndent(line: string): string {
  return line.slice(2);
}

function parseChain(family: Family, name: Chain['name'], body: readonly string[], known: Chain | undefined): Chain {
  let hook: Hook | undefined;
  let comment: string | undefined;
  const rules: string[] = [];
  for (const line of body) {
    const words = /^comment "([^"]*)"$/.exec(line);
    const found = parseHook(line);
    if (words !== null) comment = words[1];
    else if (found !== undefined) hook = found;
    else rules.push(line.replace(/ # handle \d+$/, ''));
  }
  return chainFromLines(family, comment === undefined ? { name, hook } : { name, hook, comment }, rules, known);
}

function parseSet(
  family: Family,
  name: NftSet['name'],
  body: readonly string[],
  strange: string[],
  known: NftSet | undefined,
): NftSet | undefined {
  const first = body.findIndex((line) => line.startsWith('elements = {', 2));
  const declaration = (first < 0 ? body : body.slice(0, first)).map(withoutIndent);
  let type: SetType | undefined;
  let size = 0;
  let isDynamic = false;
  let timeoutSeconds = 0;
  let counted = false;
  let comment: string | undefined;
  for (const line of declaration) {
    const [word = '', ...rest] = line.split(' ');
    const value = rest.join(' ');
    if (word === 'type' || word === 'typeof') type = parseType(family, word, value);
    else if (word === 'size') size = numberOf(value.replace(/ #.*$/, '')) ?? 0;
    else if (word === 'flags') isDynamic = value.split(',').includes('dynamic');
    else if (word === 'timeout') timeoutSeconds = parseDuration(value) ?? 0;
    else if (word === 'comment') comment = value.slice(1, -1);
    else if (line === 'counter') counted = true;
    else strange.push(`${name}: ${line}`);
  }
  if (type === undefined) return undefined;
  // The elements of a dynamic set are clients: no plan and no comparison uses them.
  const hasElements = first >= 0 && !isDynamic;
  const same = known !== undefined && isSameKind(known, type) ? known.elements : undefined;
  const { elements, broken } = readElements(
    family,
    counted ? { ...type, counted } : type,
    hasElements ? body.slice(first) : [],
    same,
  );
  for (const text of broken) strange.push(`${name}: ${text}`);
  return {
    name,
    ...type,
    ...(isDynamic ? { dynamic: { size, timeoutSeconds } } : {}),
    ...(counted ? { counted } : {}),
    ...(comment === undefined ? {} : { comment }),
    elements,
  };
}

function isSameKind(a: SetType, b: SetType): boolean {
  return a.data === b.data && a.key.join() === b.key.join();
}

type SetType = Pick<NftSet, 'key' | 'data' | 'protocol'>;

const keyParts: readonly KeyPart[] = ['address', 'protocol', 'port', 'slot'];

/** `ipv4_addr . inet_proto : verdict`, or the same by example after `typeof`. */
export function parseType(family: Family, word: 'type' | 'typeof', text: string): SetType | undefined {
  const protocol = parseProtocolWord(/\b(tcp|udp|sctp) dport\b/.exec(text)?.[1]);
  const [keyWords = '', dataWords] = text.replaceAll(/\b(tcp|udp|sctp) dport\b/g, 'th dport').split(' : ');
  const key = parseParts(family, word, keyWords);
  if (key === undefined) return undefined;
  const data = dataWords === undefined ? 'none' : parseDataType(family, word, dataWords);
  return data && (protocol === undefined ? { key, data } : { key, data, protocol });
}

function parseDataType(family: Family, word: 'type' | 'typeof', text: string): DataType | undefined {
  if (text === 'verdict') return 'verdict';
  return parseParts(family, word, text)?.join() === 'address,port' ? 'endpoint' : undefined;
}

function parseParts(family: Family, word: 'type' | 'typeof', text: string): KeyPart[] | undefined {
  const parts = text.split(' . ').map((one) => {
    const name = word === 'type' ? typeOf : exampleOf;
    // nft shows the modulus with which a map was made; its elements do not depend on it.
    const plain = one.replace(/^numgen random mod \d+$/, exampleOf(family, 'slot')).replace(/ saddr$/, ' daddr');
    return keyParts.find((part) => name(family, part) === plain);
  });
  return parts.every((part) => part !== undefined) ? parts : undefined;
}

const units: Readonly<Record<string, number>> = { d: 86_400, h: 3600, m: 60, s: 1 };

/** `1h1m1s` in seconds. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+[dhms])+$/.test(text)) return undefined;
  return [...text.matchAll(/(\d+)([dhms])/g)].reduce(
    (sum, [, n, unit]) => sum + Number(n) * (units[unit ?? ''] ?? 0),
    0,
  );
}
