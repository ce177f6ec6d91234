import { describe, expect, it } from 'vitest';
import { isMassRemoval, removalOf, removalText } from './removal.ts';

const names = (count: number) => Array.from({ length: count }, (_, i) => `shop/s${i}`);
const served = (before: readonly string[], after: readonly string[], nameless: readonly string[] = []) => ({
  before: { named: new Set(before), nameless: new Set(nameless) },
  after: { named: new Set(after), nameless: new Set<string>() },
});

describe('what a plan removes', () => {
  it('counts a Service once, in whatever families it is served, and as removed when none serves it', () => {
    const removal = removalOf([served(['a/x', 'a/y', 'a/z'], ['a/x']), served(['a/x', 'a/y', 'a/w'], ['a/y'])]);
    expect(removal).toEqual({ served: 4, removed: ['a/w', 'a/z'] });
  });

  it('counts those that cannot be named once for all families', () => {
    const four = served(['a/x', 'a/y'], ['a/x', 'a/y'], ['10.96.0.3', '10.96.0.4']);
    const six = served(['a/x'], ['a/x'], ['fd00:96::3']);
    expect(removalOf([four, six])).toEqual({ served: 4, removed: ['10.96.0.3', '10.96.0.4'] });
  });

  it('counts no Service that comes', () => {
    expect(removalOf([served(['a/x'], ['a/x', 'a/y'])])).toEqual({ served: 1, removed: [] });
  });

  it.each([
    [1, 1, true],
    [2, 1, false],
    [3, 1, false],
    [3, 2, true],
    [4, 2, false],
    [101, 50, false],
    [101, 51, true],
    [7, 0, false],
    [0, 0, false],
  ])('of %s Services %s at once is a mass: %s', (all, gone, isMass) => {
    expect(isMassRemoval({ served: all, removed: names(gone) }, 50)).toBe(isMass);
  });

  it('has a threshold from none to all', () => {
    expect([0, 20, 100].map((threshold) => isMassRemoval({ served: 5, removed: names(1) }, threshold))).toEqual([
      true,
      false,
      false,
    ]);
    expect(isMassRemoval({ served: 5, removed: names(5) }, 100)).toBe(false);
  });

  it('is told with numbers and the first names', () => {
    expect(removalText({ served: 9, removed: names(7) }, 50)).toBe(
      '7 of the 9 Services that are served now go (78 %, more than 50 %): shop/s0, shop/s1, shop/s2, shop/s3, shop/s4 and 2 more',
    );
    expect(removalText({ served: 1, removed: ['a/x'] }, 50)).toBe(
      'the one Service that is served now goes (100 %, more than 50 %): a/x',
    );
  });
});
