import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commonLines, jumpTarget, mergeLines } from './lines.ts';

const letters = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
/** Few letters, so that lists share lines, in any order, more than once. */
const lines = fc.array(fc.constantFrom(...letters), { maxLength: 12 });
const distinct = fc.uniqueArray(fc.constantFrom(...letters));

function isWithin(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0;
  for (const line of whole) if (line === part[at]) at++;
  return at === part.length;
}

describe('commonLines', () => {
  it('pairs equal lines in the order of both lists', () => {
    fc.assert(
      fc.property(lines, lines, (a, b) => {
        const pairs = commonLines(a, b);
        expect(pairs.map(([i]) => a[i])).toEqual(pairs.map(([, j]) => b[j]));
        for (const side of [0, 1] as const) {
          const places = pairs.map((pair) => pair[side]);
          expect(places).toEqual([...new Set(places)].sort((x, y) => x - y));
        }
      }),
    );
  });

  it('finds as many as there can be where no line repeats', () => {
    fc.assert(
      fc.property(distinct, distinct, (a, b) => {
        expect(commonLines(a, b).length).toBe(longest(a, b));
      }),
    );
  });
});

/** Length of the longest common subsequence, by trying all ways. */
function longest([first, ...rest]: readonly string[], b: readonly string[]): number {
  if (first === undefined) return 0;
  const place = b.indexOf(first);
  const without = longest(rest, b);
  return place < 0 ? without : Math.max(without, 1 + longest(rest, b.slice(place + 1)));
}

describe('mergeLines', () => {
  it('holds both lists in their orders, and nothing else', () => {
    fc.assert(
      fc.property(lines, lines, (a, b) => {
        const merged = mergeLines(a, b);
        expect(isWithin(a, merged)).toBe(true);
        expect(isWithin(b, merged)).toBe(true);
        expect(merged.length).toBe(a.length + b.length - commonLines(a, b).length);
      }),
    );
  });

  it('decides as one of the two, whatever is asked', () => {
    fc.assert(
      fc.property(lines, lines, fc.subarray(letters), (a, b, wanted) => {
        const first = (list: readonly string[]) => list.find((line) => wanted.includes(line));
        expect([first(a), first(b)]).toContain(first(mergeLines(a, b)));
      }),
    );
  });
});

describe('jumpTarget', () => {
  it.each([
    ['-A A -j B', 'B'],
    ['-A A -g B', 'B'],
    ['-I A 3 -m comment --comment "x" -j ACCEPT', 'ACCEPT'],
    ['-A A -j DNAT --to-destination 10.0.0.1:80', undefined],
    ['-A A -m comment --comment "for -j B"', undefined],
    ['-A A', undefined],
  ])('of %s', (line, target) => {
    expect(jumpTarget(line)).toBe(target);
  });
});
