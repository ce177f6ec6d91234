import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { arbitraryNode, arbitraryServices } from '../../../test/helpers/arbitrary-ir.ts';
import { assemble } from '../../assemble.ts';
import { nftables } from '../maker.ts';
import { parseElement } from './element.ts';
import { readElements } from './listed-elements.ts';
import { familyOfWord, parseListing } from './parse.ts';
import { printProgram } from './print.ts';
import type { Element, NftProgram } from './program.ts';

const type = { key: ['address', 'protocol', 'port'], data: 'verdict' } as const;
const cart = '10.96.0.1 . tcp . 80 comment "shop/cart:a, b : c" : goto spread/tcp/2';
const dns = '10.96.0.2 . udp . 53 : drop';

function made(...texts: readonly string[]): Map<string, Element> {
  const elements = texts.map((text) => parseElement('IPv4', type, text)!);
  return new Map(elements.map((element) => [element.key, element]));
}

function listed(...texts: readonly string[]): string[] {
  return `elements = { ${texts.join(',\n\t\t\t     ')} }`.split('\n');
}

describe('elements that are listed as they are known', () => {
  it('are the known values, and where nothing else is listed, so is the map', () => {
    const known = made(cart, dns);
    expect(readElements('IPv4', type, listed(cart, dns), known).elements).toBe(known);
    const { elements } = readElements('IPv4', type, listed(dns), known);
    expect([...elements.values()]).toEqual([known.get('10.96.0.2 . udp . 53')]);
    expect(elements.get('10.96.0.2 . udp . 53')).toBe(known.get('10.96.0.2 . udp . 53'));
  });

  it('are so whatever their counters show', () => {
    const known = made(cart);
    const shown = cart.replace(' comment', ' counter packets 7 bytes 420 comment');
    expect(readElements('IPv4', { ...type, counted: true }, listed(shown), known).elements).toBe(known);
  });
});

it.each([
  ['another verdict', cart.replace('goto spread/tcp/2', 'drop')],
  ['another comment', cart.replace('a, b', 'a,b')],
  ['a comment that shows a counter', cart.replace('a, b', 'a counter packets 1 bytes 2')],
])('an element with %s is what is listed', (_, text) => {
  const { elements, broken } = readElements('IPv4', type, listed(text, dns), made(cart, dns));
  expect([...elements.values()].map((element) => element.text)).toEqual([text, dns]);
  expect(broken).toEqual([]);
});

it('what is no element of the set is told, known or not', () => {
  const broken = ['10.96.0.1 . tcp . 80', '10.96.0.1 . tcp . 80 : goto a b', '10.96.0.300 . tcp . 80 : drop'];
  expect(readElements('IPv4', type, listed(...broken), made(cart)).broken).toEqual(broken);
});

it('an element is read where the line breaks within it', () => {
  const lines = ['elements = { 10.96.0.2 . udp . 53', '\t: drop }'];
  expect(readElements('IPv4', type, lines, made(dns)).elements.get('10.96.0.2 . udp . 53')?.text).toBe(dns);
});

it('a listing reads the same, whatever program is known', () => {
  const program = (services: Parameters<typeof assemble>[1], node: NodeContext): NftProgram =>
    assemble(nftables, services, node).program;
  fc.assert(
    fc.property(arbitraryServices(), arbitraryServices(), arbitraryNode(), (some, others, node) => {
      const [one, other] = [program(some, node), program(others, node)];
      const text = printProgram(one);
      const read = (known?: NftProgram) =>
        [...(parseListing(text, familyOfWord, known)?.values() ?? [])].map(({ program: found, strange }) => ({
          text: printProgram(found),
          keys: [...found.sets.values()].map(({ elements }) => [...elements.keys()].sort()),
          strange,
        }));
      expect(read()).toEqual([{ text, keys: expect.any(Array) as unknown, strange: [] }]);
      expect(read(one)).toEqual(read());
      expect(read(other)).toEqual(read());
    }),
    { numRuns: 60 },
  );
});
