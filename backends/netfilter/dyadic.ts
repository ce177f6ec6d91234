import type { Rational } from '../../compiler/values/rational.ts';

/**
 * numerator / 2^bits: what becomes of shares that are split by chances of 31 bits.
 *
 * A thousand splits in a row make a denominator of 31,000 bits. Kept like this, a split is one
 * multiplication; as a reduced fraction it would be a greatest common divisor of such numbers.
 */
export interface Dyadic {
  readonly numerator: bigint;
  readonly bits: number;
}

export const certain: Dyadic = { numerator: 1n, bits: 0 };

/** of31 / 2³¹. */
export function dyadicOf31(of31: number): Dyadic {
  return { numerator: BigInt(of31), bits: 31 };
}

export function multiplyDyadic(a: Dyadic, b: Dyadic): Dyadic {
  return { numerator: a.numerator * b.numerator, bits: a.bits + b.bits };
}

/** 1 − a. */
export function complement(a: Dyadic): Dyadic {
  return { numerator: (1n << BigInt(a.bits)) - a.numerator, bits: a.bits };
}

export function isNothing(a: Dyadic): boolean {
  return a.numerator === 0n;
}

/** In lowest terms, found by counting zeros instead of dividing. For values of at most 1. */
export function dyadicToRational({ numerator, bits }: Dyadic): Rational {
  if (numerator === 0n) return { numerator: 0n, denominator: 1n };
  const lowest = (numerator & -numerator).toString(16);
  const zeros = 4 * (lowest.length - 1) + Math.log2(Number.parseInt(lowest.charAt(0), 16));
  return { numerator: numerator >> BigInt(zeros), denominator: 1n << BigInt(bits - zeros) };
}
