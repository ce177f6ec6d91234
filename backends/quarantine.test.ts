import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createQuarantine } from './quarantine.ts';

const all = Array.from({ length: 40 }, (_, i) => `shop/s${i}`);

/**
 * Applies all of them to a kernel that refuses some.
 *
 * tells   whether it names the one that it refuses
 */
function search(bad: ReadonlySet<string>, tells: boolean) {
  const quarantine = createQuarantine();
  for (let tries = 1; tries < 1000; tries++) {
    const there = all.filter((one) => !quarantine.held().has(one));
    const refused = there.filter((one) => bad.has(one));
    if (refused.length > 0) {
      if (!quarantine.refused(tells ? refused.slice(0, 1) : there)) throw new Error('nobody to suspect');
    } else if (!quarantine.taken()) {
      return { convicted: quarantine.convicted(), served: there, tries };
    }
  }
  throw new Error('no end');
}

describe('the search for refused Services', () => {
  it('finds exactly the bad ones, and all others are served', () => {
    fc.assert(
      fc.property(fc.subarray(all, { maxLength: 6 }), fc.boolean(), (list, tells) => {
        const bad = new Set(list);
        const { convicted, served } = search(bad, tells);
        expect(convicted).toEqual([...bad].sort());
        expect(served).toEqual(all.filter((one) => !bad.has(one)));
      }),
    );
  });

  it('takes a number of tries near 2k · log₂ n', () => {
    expect(search(new Set(['shop/s17']), true).tries).toBe(2);
    expect(search(new Set(['shop/s17']), false).tries).toBeLessThan(20);
    expect(search(new Set(['shop/s1', 'shop/s20', 'shop/s39']), false).tries).toBeLessThan(50);
  });

  it('ends where no Service can be the cause', () => {
    expect(createQuarantine().refused([])).toBe(false);
  });
});
