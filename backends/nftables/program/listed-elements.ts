import type { Family } from '../../../compiler/values/address.ts';
import { parseElement } from './element.ts';
import type { Element, NftSet } from './program.ts';

/** The elements that a listing shows, by key, and texts that are none of the set's type. */
export interface ListedElements {
  readonly elements: ReadonlyMap<string, Element>;
  readonly broken: readonly string[];
}

/** Elements that most likely are in force. */
export type KnownElements = ReadonlyMap<string, Element>;

/**
 * Reads the elements of a set. Most readings show what slicewright wrote, and comparing a text with a known one takes a tenth of
 * the time of parsing it. So an element that is listed with a known one's text is that very element, and where all elements are
 * the known ones, the result is the very map `known`.
 *
 * lines   from `elements = {` to the closing brace
 * known   elements of the same type, with their texts as nft prints them
 */
export function readElements(
  family: Family,
  type: Pick<NftSet, 'key' | 'data' | 'counted'>,
  lines: readonly string[],
  known: KnownElements | undefined,
): ListedElements {
  if (known !== undefined && listsAll(known, type, lines)) return { elements: known, broken: [] };
  const elements = new Map<string, Element>();
  const broken: string[] = [];
  let taken = 0;
  for (const text of elementTexts(lines)) {
    const same = known && knownAs(type, text, known);
    if (same !== undefined) taken++;
    const element = same ?? parseElement(family, type, text);
    if (element === undefined) broken.push(text);
    else elements.set(element.key, element);
  }
  const isAllKnown = known?.size === elements.size && taken === elements.size && broken.length === 0;
  return { elements: isAllKnown ? known : elements, broken };
}

/**
 * Whether the lines list the known elements and nothing else, one on each line, as nft prints keys of several parts. It lists
 * each key once, so as many known texts as there are known elements are all of them.
 */
function listsAll(known: KnownElements, { key, counted }: Pick<NftSet, 'key' | 'counted'>, lines: readonly string[]) {
  if (counted === true || lines.length !== known.size) return false;
  return lines.every((line, i) => {
    const start = i === 0 ? line.indexOf('{') + 2 : indentOf(line);
    const element = known.get(line.slice(start, keyEnd(line, key.length, start)));
    if (element === undefined || !line.startsWith(element.text, start)) return false;
    const end = start + element.text.length;
    return i === lines.length - 1
      ? line.endsWith(' }') && end === line.length - 2
      : line[end] === ',' && end === line.length - 1;
  });
}

function indentOf(line: string): number {
  let at = 0;
  while (line[at] === ' ' || line[at] === '\t') at++;
  return at;
}

const counter = / counter packets \d+ bytes \d+/y;

/** The known element whose text this is, whatever its counter shows. */
function knownAs({ key, counted }: Pick<NftSet, 'key' | 'counted'>, text: string, known: KnownElements) {
  const end = keyEnd(text, key.length);
  const element = known.get(text.slice(0, end));
  if (element === undefined) return undefined;
  counter.lastIndex = end;
  const shown = counted === true && counter.test(text) ? text.slice(0, end) + text.slice(counter.lastIndex) : text;
  return element.text === shown ? element : undefined;
}

/** Where the key ends: its parts are words with dots between them. */
function keyEnd(text: string, parts: number, start = 0): number {
  let at = start - 1;
  for (let spaces = 2 * parts - 1; spaces > 0; spaces--) {
    at = text.indexOf(' ', at + 1);
    if (at < 0) return text.length;
  }
  return at;
}

/** nft breaks lines after the comma behind an element; an element's comment may hold commas as well. */
function* elementTexts(lines: readonly string[]): Generator<string> {
  let begun = '';
  for (const [i, line] of lines.entries()) {
    const isLast = i === lines.length - 1;
    const text = contentOf(line, i === 0, isLast);
    const whole = begun === '' ? text : `${begun} ${text}`;
    const isComplete = isLast || whole.endsWith(',');
    begun = isComplete ? '' : whole;
    if (!isComplete) continue;
    const inner = whole.endsWith(',') ? whole.slice(0, -1) : whole;
    if (inner.includes(',')) yield* splitTexts(inner);
    else if (inner !== '') yield inner;
  }
}

function contentOf(line: string, isFirst: boolean, isLast: boolean): string {
  const rest = isFirst ? line.replace(/^\s*elements = \{/, '') : line;
  return (isLast ? rest.replace(/\}\s*$/, '') : rest).trim();
}

function splitTexts(text: string): string[] {
  if (!text.includes('"')) return text.split(',').map((one) => one.trim());
  return (text.match(/(?:[^,"]|"[^"]*")+/g) ?? []).map((one) => one.trim()).filter((one) => one !== '');
}
