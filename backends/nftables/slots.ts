import type { Endpoint } from '../../compiler/ir/ir.ts';
import type { Slots } from './program/rule.ts';

/** Endpoints over the numbers 0 to `modulus` - 1, which `numgen` draws evenly. */
export interface Spread {
  readonly modulus: number;
  readonly slots: readonly Slots<Endpoint>[];
  /** How far the share of any endpoint is from what its weight asks for, relative to that share. */
  readonly deviation: number;
}

/** nft 1.0.6 prints a modulus of 2³¹ and more as a negative number, and does not read that again. */
const mostSlots = 2 ** 31 - 1;

/**
 * Gives every endpoint as many numbers as its weight asks for. Exact wherever the weights in lowest terms add up to less
 * than 2³¹; beyond that each endpoint gets the nearest share, and at least one number.
 */
export function spreadOver(pool: readonly Endpoint[]): Spread {
  if (isEven(pool)) return evenly(pool);
  const divisor = pool.reduce((common, { weight }) => greatestCommonDivisor(common, weight), 0);
  const exact = pool.map(({ weight }) => weight / divisor);
  const total = exact.reduce((sum, weight) => sum + weight, 0);
  const counts =
    total <= mostSlots
      ? exact
      : exact.map((weight) => Math.max(1, Math.floor((weight / total) * (mostSlots - pool.length))));
  const modulus = counts.reduce((sum, count) => sum + count, 0);
  let from = 0;
  const slots = pool.map((outcome, i) => {
    const start = from;
    from += counts[i] ?? 0;
    return { from: start, to: from - 1, outcome };
  });
  const deviation = Math.max(
    0,
    ...exact.map((weight, i) => Math.abs((counts[i] ?? 0) / modulus - weight / total) / (weight / total)),
  );
  return { modulus, slots, deviation: total <= mostSlots ? 0 : deviation };
}

/** Whether all get the same share, as in nearly all pools. */
export function isEven(pool: readonly Endpoint[]): boolean {
  return pool.every(({ weight }) => weight === pool[0]?.weight);
}

/** The endpoint of each number. */
export function outcomesOf({ slots }: Spread): readonly Endpoint[] {
  return slots.flatMap(({ from, to, outcome }) => Array.from({ length: to - from + 1 }, () => outcome));
}

/** The spread of nearly all pools, made without counting: there are thousands. */
function evenly(pool: readonly Endpoint[]): Spread {
  return { modulus: pool.length, slots: pool.map((outcome, i) => ({ from: i, to: i, outcome })), deviation: 0 };
}

function greatestCommonDivisor(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}
