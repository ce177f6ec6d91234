import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  add,
  multiply,
  one,
  type Rational,
  rational,
  subtract,
  sumRationals,
  zero,
} from '../../compiler/values/rational.ts';
import { balance } from '../iptables/balance.ts';
import { certain, type Dyadic, dyadicOf31, dyadicToRational, splitDyadic } from './dyadic.ts';

const whole = 2 ** 31;

/** What each of a row of chances takes, the rest last. */
function split(chances: readonly number[]): Dyadic[] {
  const shares: Dyadic[] = [];
  let rest = certain;
  for (const chance of chances) {
    const { taken, left } = splitDyadic(rest, dyadicOf31(chance));
    shares.push(taken);
    rest = left;
  }
  return [...shares, rest];
}

/** The same by the book. */
function exactly(chances: readonly number[]): Rational[] {
  const shares: Rational[] = [];
  let rest = one;
  for (const chance of chances) {
    shares.push(multiply(rest, rational(chance, whole)));
    rest = subtract(rest, multiply(rest, rational(chance, whole)));
  }
  return [...shares, rest];
}

const chance = fc.integer({ min: 1, max: whole - 1 });

describe('shares of a row of chances', () => {
  it('are exact for some 260', () => {
    fc.assert(
      fc.property(fc.array(chance, { maxLength: 260 }), (chances) => {
        expect(split(chances).map(dyadicToRational)).toEqual(exactly(chances));
      }),
      { numRuns: 20 },
    );
  });

  it('add up to all of it and are none of them nothing, however many there are and however small', () => {
    fc.assert(
      fc.property(fc.array(chance, { minLength: 300, maxLength: 600 }), (chances) => {
        const shares = split(chances).map(dyadicToRational);
        expect(sumRationals(shares)).toEqual(one);
        expect(shares.every(({ numerator }) => numerator > 0n)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it('are as near to the exact ones as a thousand bits can be', () => {
    fc.assert(
      fc.property(fc.array(chance, { minLength: 280, maxLength: 300 }), (chances) => {
        const exact = exactly(chances);
        for (const [i, share] of split(chances).map(dyadicToRational).entries()) {
          const wanted = exact[i] ?? zero;
          const { numerator, denominator } = subtract(share, wanted);
          const difference = numerator < 0n ? -numerator : numerator;
          // |share − wanted| < wanted × 2⁻⁹⁹⁰
          expect((difference * wanted.denominator) << 990n < wanted.numerator * denominator).toBe(true);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('of thirty thousand equal endpoints are short, and add up to all of it', () => {
    const chances = balance(Array.from({ length: 30_000 }, () => 1)).filter((one) => one !== undefined);
    const shares = split(chances);
    expect(shares.filter(({ bits }) => bits > 1100).length).toBeLessThan(300);
    let sum = zero;
    for (const share of shares) sum = add(sum, dyadicToRational(share));
    expect(sum).toEqual(one);
  });
});
