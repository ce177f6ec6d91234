import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipvsSchedulers } from '../../../compiler/settings.ts';
import { endpoint } from '../../../test/helpers/ir.ts';
import { flagsFor, realServers, schedulerFor } from './servers.ts';

const pool = (weights: readonly number[]) => weights.map((weight, i) => endpoint(`10.1.0.${i + 1}:80`, { weight }));
const weightsOf = (weights: readonly number[]) => realServers(pool(weights)).map(({ weight }) => weight);

describe('weights', () => {
  it.each([
    [
      [1, 1],
      [1, 1],
    ],
    [
      [7, 7, 7],
      [1, 1, 1],
    ],
    [
      [50, 100],
      [1, 2],
    ],
    [
      [3, 5, 10],
      [3, 5, 10],
    ],
  ])('%j become %j', (weights, expected) => expect(weightsOf(weights)).toEqual(expected));

  it('that the kernel cannot hold keep their shares within a hundredth of a percent, and none becomes 0', () => {
    const huge = fc.array(fc.integer({ min: 1, max: 2 ** 40 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(huge, (weights) => {
        const scaled = weightsOf(weights);
        const [total, scaledTotal] = [sum(weights), sum(scaled)];
        scaled.forEach((weight, i) => {
          expect(weight).toBeGreaterThanOrEqual(1);
          expect(weight).toBeLessThanOrEqual(65_535);
          expect(Math.abs(weight / scaledTotal - (weights[i] ?? 0) / total)).toBeLessThan(0.0005);
        });
      }),
    );
  });
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

describe('the scheduler', () => {
  it.each(ipvsSchedulers)('%s stays where all weights are equal', (scheduler) => {
    expect(schedulerFor(scheduler, [2, 2])).toBe(scheduler);
    expect(schedulerFor(scheduler, [])).toBe(scheduler);
  });
  it.each([
    ['rr', 'wrr'],
    ['lc', 'wlc'],
    ['dh', 'wrr'],
    ['wrr', 'wrr'],
    ['sed', 'sed'],
    ['sh', 'sh'],
    ['mh', 'mh'],
  ] as const)('%s is %s where weights differ', (configured, chosen) => {
    expect(schedulerFor(configured, [1, 2])).toBe(chosen);
  });
  it('mh looks at ports, too', () => {
    expect(flagsFor(schedulerFor('mh', [1, 2]))).toEqual(['mh-port']);
    expect(flagsFor(schedulerFor('rr', [1, 2]))).toEqual([]);
  });
});
