import { addressToNumber, type IpAddress, ipv4ToNumber } from '../../../compiler/values/address.ts';
import { compareText } from '../../../compiler/values/names.ts';
import { unreachable } from '../../../compiler/values/unreachable.ts';
import type { Element, KeyPart } from './program.ts';

/**
 * Elements in nft's order.
 *
 * One value sorts by its number. A concatenation sorts by the number that its bytes make on a little-endian machine:
 * addresses, protocols and ports are in it with their first byte first, slots with their last, and the very last byte
 * counts most (`concat_expr_msort_value` in nft's mergesort.c).
 */
export function sortElements(parts: readonly KeyPart[], elements: Iterable<Element>): Element[] {
  const list = [...elements];
  // The keys of a set are of one family.
  return list[0]?.key.includes(':') === true ? sortByBytes(parts, list) : sortByNumbers(parts, list);
}

function sortByBytes(parts: readonly KeyPart[], elements: readonly Element[]): Element[] {
  const ranked = elements.map((element) => ({ element, rank: rankOf(parts, element.key) }));
  return ranked.sort((a, b) => compareText(a.rank, b.rank)).map(({ element }) => element);
}

/**
 * The same for keys without IPv6 addresses: each of their parts is one number. Numbers are sorted byte by byte, from the one that
 * counts least, which takes a tenth of the time of comparing keys: a large table has 50,000 elements in a map.
 */
function sortByNumbers(parts: readonly KeyPart[], elements: readonly Element[]): Element[] {
  let places = Uint32Array.from(elements.keys());
  for (const column of columnsOf(parts, elements)) {
    for (const shift of [0, 8, 16, 24]) places = sortByByte(places, column, shift);
  }
  return Array.from(places, (place) => elements[place]!);
}

/** Places by one byte of their numbers; those with the same byte keep their order. */
function sortByByte(places: Uint32Array<ArrayBuffer>, numbers: Uint32Array, shift: number): Uint32Array<ArrayBuffer> {
  const starts = new Uint32Array(257);
  for (const number of numbers) starts[((number >>> shift) & 255) + 1]!++;
  if (starts.includes(places.length)) return places;
  for (let byte = 1; byte < 257; byte++) starts[byte]! += starts[byte - 1]!;
  const sorted = new Uint32Array(places.length);
  for (const place of places) sorted[starts[(numbers[place]! >>> shift) & 255]!++] = place;
  return sorted;
}

/** For each part, the first one first: its number in each element's key. */
function columnsOf(parts: readonly KeyPart[], elements: readonly Element[]): readonly Uint32Array[] {
  const columns = parts.map(() => new Uint32Array(elements.length));
  const isAlone = parts.length === 1;
  elements.forEach(({ key }, place) => {
    let from = 0;
    for (let nth = 0; nth < parts.length; nth++) {
      const separator = key.indexOf(' . ', from);
      const end = separator < 0 ? key.length : separator;
      columns[nth]![place] = isAlone ? numberAlone(parts[nth]!, key) : numberAmong(parts[nth]!, key, from, end);
      from = end + 3;
    }
  });
  return columns;
}

function numberAlone(part: KeyPart, key: string): number {
  switch (part) {
    case 'address':
      return ipv4ToNumber(key as IpAddress);
    case 'protocol':
      return protocolNumbers[key] ?? 0;
    case 'port':
    case 'slot':
      return Number(key);
    default:
      return unreachable(part);
  }
}

/** Of a part of a concatenation, from one place in the key to another. */
function numberAmong(part: KeyPart, key: string, from: number, end: number): number {
  switch (part) {
    case 'address':
      return swapBytes(digits(key, from, end));
    case 'protocol':
      return protocolNumbers[key.slice(from, end)] ?? 0;
    case 'port': {
      const port = digits(key, from, end);
      return ((port & 255) << 8) | (port >> 8);
    }
    case 'slot':
      return digits(key, from, end);
    default:
      return unreachable(part);
  }
}

/** A number, or the four numbers of an address as one: 32 bits. */
function digits(key: string, from: number, end: number): number {
  let bytes = 0;
  let number = 0;
  for (let i = from; i < end; i++) {
    const character = key.charCodeAt(i);
    if (character === dot) {
      bytes = (bytes | number) << 8;
      number = 0;
    } else number = number * 10 + character - zero;
  }
  return bytes | number;
}

function swapBytes(number: number): number {
  return ((number & 255) << 24) | ((number & 0xff00) << 8) | ((number >>> 8) & 0xff00) | (number >>> 24);
}

const dot = '.'.charCodeAt(0);
const zero = '0'.charCodeAt(0);

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
      return bytes16(addressToNumber(word as IpAddress));
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
