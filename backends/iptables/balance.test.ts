import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { balance, largestDeviation } from './balance.ts';

/** How iptables-save would show a chance. */
const shown = (of31: number | undefined) => (of31 === undefined ? undefined : (of31 / 2 ** 31).toFixed(11));

describe('balance', () => {
  it('gives equal weights the chances that kube-proxy gives', () => {
    expect(balance([1, 1, 1, 1, 1, 1, 1]).map(shown)).toEqual([
      '0.14285714272',
      '0.16666666651',
      '0.20000000019',
      '0.25000000000',
      '0.33333333349',
      '0.50000000000',
      undefined,
    ]);
  });

  it('does not care for the unit of weights', () => {
    expect(balance([7, 7, 7])).toEqual(balance([1, 1, 1]));
  });

  it('comes to the same for 1/2048, whose ten decimals are a tie that printers round differently', () => {
    const even = Math.round(Number('0.0004882812') * 2 ** 31);
    expect(Number((1 / 2048).toFixed(10))).toBe(0.0004882813);
    expect(balance(Array.from({ length: 2048 }, () => 1))[0]).toBe(even);
  });

  it('splits 80 to 20', () => {
    expect(balance([80, 20]).map(shown)).toEqual(['0.79999999981', undefined]);
  });

  it('has no rule without a chance, nor one that takes all from those after it', () => {
    expect(balance([1, 2 ** 40])).toEqual([1, undefined]);
    expect(balance([2 ** 40, 1])).toEqual([2 ** 31 - 1, undefined]);
  });

  it('of nothing is nothing, and of one is all', () => {
    expect(balance([])).toEqual([]);
    expect(balance([5])).toEqual([undefined]);
  });

  it('keeps every share of up to 1000 endpoints within a thousandth of what was asked', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 1000 });
    fc.assert(
      fc.property(weights, (chosen) => {
        expect(largestDeviation(chosen, balance(chosen))).toBeLessThan(0.001);
      }),
      { numRuns: 50 },
    );
  });
});

describe('largestDeviation', () => {
  it('is nothing where chances are exact', () => {
    expect(largestDeviation([1, 1], [2 ** 30, undefined])).toBe(0);
  });

  it('is relative to the share that was asked for', () => {
    // 3 : 1 by halves: the first gets 1/2 instead of 3/4, the second 1/2 instead of 1/4.
    expect(largestDeviation([3, 1], [2 ** 30, undefined])).toBe(1);
  });
});
