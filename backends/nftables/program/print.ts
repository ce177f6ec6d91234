import type { Family } from '../../../compiler/values/address.ts';
import { compareText } from '../../../compiler/values/names.ts';
import { type Protocol, protocolText } from '../../../compiler/values/port.ts';
import { unreachable } from '../../../compiler/values/unreachable.ts';
import { sortElements } from './element-order.ts';
import { priorityText } from './hook.ts';
import { familyWord, quotedComment } from './print-rule.ts';
import type { Chain, Element, Hook, KeyPart, NftProgram, NftSet } from './program.ts';
import { standingOrder } from './standing.ts';

/**
 * A program as `nft list table` prints it once it is loaded: loading and listing that text gives the same text.
 *
 * nft lists sets and chains in the order in which they were made, so a table that has seen changes lists them in another
 * order than this. What is found is therefore compared as values, and printed here before it is shown.
 */
export function printProgram(program: NftProgram): string {
  const { family, table, comment } = program;
  const blocks = [
    ...inOrder(program.sets).map((set) => printSet(family, set)),
    ...inOrder(program.chains).map((chain) => printChain(chain)),
  ];
  const head = comment === undefined ? '' : `\t${quotedComment(comment)}\n`;
  return `table ${familyWord(family)} ${table} {\n${head}${blocks.join('\n')}}\n`;
}

/** What every program has comes first and in its own order, the rest by name. */
function inOrder<Named extends { readonly name: string }>(things: ReadonlyMap<string, Named>): Named[] {
  const place = (name: string) => standingOrder.get(name) ?? standingOrder.size;
  return [...things.values()].sort((a, b) => place(a.name) - place(b.name) || compareText(a.name, b.name));
}

function printSet(family: Family, set: NftSet): string {
  const lines = [`\t${setWord(set)} ${set.name} {`, ...declarationLines(family, set).map((line) => `\t\t${line}`)];
  const text = elementsText(family, set);
  if (text !== undefined) lines.push(`\t\telements = { ${text} }`);
  lines.push('\t}');
  return `${lines.join('\n')}\n`;
}

export function setWord({ data }: Pick<NftSet, 'data'>): 'set' | 'map' {
  return data === 'none' ? 'set' : 'map';
}

/** What a set is, without its elements. */
export function declarationLines(family: Family, { key, data, protocol, dynamic, counted, comment }: NftSet): string[] {
  const lines = [typeText(family, key, data, protocol)];
  if (counted === true) lines.push('counter');
  if (dynamic !== undefined) {
    lines.push(`size ${dynamic.size}`, 'flags dynamic,timeout', `timeout ${durationText(dynamic.timeoutSeconds)}`);
  }
  if (comment !== undefined) lines.push(quotedComment(comment));
  return lines;
}

/** A number that `numgen` draws has no type of a name, so a key with one is described by an example of its fields. */
function typeText(family: Family, key: readonly KeyPart[], data: NftSet['data'], protocol?: Protocol): string {
  const example = key.includes('slot');
  const parts = key.map((part) => (example ? exampleOf(family, part, protocol) : typeOf(family, part)));
  const words = `${example ? 'typeof' : 'type'} ${parts.join(' . ')}`;
  switch (data) {
    case 'none':
      return words;
    case 'verdict':
      return `${words} : verdict`;
    case 'endpoint':
      return example
        ? `${words} : ${exampleOf(family, 'address')} . ${exampleOf(family, 'port', protocol)}`
        : `${words} : ${typeOf(family, 'address')} . ${typeOf(family, 'port')}`;
    default:
      return unreachable(data);
  }
}

export function typeOf(family: Family, part: KeyPart): string {
  switch (part) {
    case 'address':
      return family === 'IPv4' ? 'ipv4_addr' : 'ipv6_addr';
    case 'protocol':
      return 'inet_proto';
    case 'port':
      return 'inet_service';
    case 'slot':
      return 'integer';
    default:
      return unreachable(part);
  }
}

/**
 * Ports are examples of one protocol: `th dport` would do for a map, and then nft refuses every rule that looks into it
 * after it was made (`conflicting protocols specified: tcp vs. th`).
 */
export function exampleOf(family: Family, part: KeyPart, protocol?: Protocol): string {
  switch (part) {
    case 'address':
      return `${familyWord(family)} daddr`;
    case 'protocol':
      return 'meta l4proto';
    case 'port':
      return protocol === undefined ? 'th dport' : `${protocolText(protocol)} dport`;
    case 'slot':
      return 'numgen random mod 2';
    default:
      return unreachable(part);
  }
}

/** `1h1m1s`, as nft prints a time. */
export function durationText(seconds: number): string {
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  return parts.map(([number, unit]) => (number === 0 ? '' : `${number}${unit}`)).join('') || '0s';
}

/** nft puts two IPv4 addresses or five ports on a line, and one of anything longer. */
function elementsText(family: Family, { key, elements, counted }: NftSet): string | undefined {
  if (elements.size === 0) return undefined;
  const perLine = key.length > 1 ? 1 : key[0] === 'address' ? (family === 'IPv4' ? 2 : 1) : 5;
  const texts = sortElements(key, elements.values()).map((element: Element) =>
    counted === true ? withCounter(element) : element.text,
  );
  return texts.map((text, i) => (i === 0 ? text : `${i % perLine === 0 ? ',\n\t\t\t     ' : ', '}${text}`)).join('');
}

/** A counter that has counted nothing, where nft puts it. */
function withCounter({ key, text }: Element): string {
  return `${key} counter packets 0 bytes 0${text.slice(key.length)}`;
}

function printChain({ name, hook, comment, lines }: Chain): string {
  const head = [
    ...(comment === undefined ? [] : [quotedComment(comment)]),
    ...(hook === undefined ? [] : [hookText(hook)]),
  ];
  return `${[`\tchain ${name} {`, ...[...head, ...lines].map((line) => `\t\t${line}`), '\t}'].join('\n')}\n`;
}

/** `type nat hook prerouting priority dstnat; policy accept;`. */
export function hookText(hook: Hook): string {
  return `type ${hook.type} hook ${hook.at} priority ${priorityText(hook)}; policy accept;`;
}
