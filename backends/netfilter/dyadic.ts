import { powerOfTwo, type Rational, reduceByPowerOfTwo } from '../../compiler/values/rational.ts';

/**
 * numerator / 2^bits: what happens to shares that are split by chances of 31 bits.
 *
 * Kept like this, a split is one multiplication; as a reduced fraction it would be a greatest common divisor.
 *
 * A split is exact as long as a share has fewer than {@link exactBits} bits: through some 260 chances in a row. After
 * that each would be longer than the one before, and thirty thousand endpoints of one Service would take gigabytes. From
 * then on what passes on is rounded to {@link roundedBits} bits *of its own*, and what is taken is the rest: so nothing is
 * lost, all shares still add up to exactly 1, none becomes 0, and the same rules give the same share. The rounding is
 * 2⁻¹⁰⁰⁰ of a share, where the rules themselves tell shares apart by 2⁻³¹.
 */
export interface Dyadic {
  readonly numerator: bigint;
  readonly bits: number;
  /** It has been rounded already. */
  readonly isRounded: boolean;
  readonly known: Known;
}

/**
 * What was computed from a share before: packet after packet walks the same chain, and gets the very same values again.
 * It is kept in the share itself, because tens of thousands of keys of a WeakMap cost the garbage collector seconds.
 */
interface Known {
  chance: Dyadic | undefined;
  split: Split | undefined;
  rational: Rational | undefined;
}

const exactBits = 8192;
const roundedBits = 1024;

export const certain: Dyadic = dyadic(1n, 0, false);

function dyadic(numerator: bigint, bits: number, isRounded: boolean): Dyadic {
  return { numerator, bits, isRounded, known: { chance: undefined, split: undefined, rational: undefined } };
}

/** of31 / 2³¹. */
export function dyadicOf31(of31: number): Dyadic {
  return dyadic(BigInt(of31), 31, false);
}

/** Exact; of chances, whose bits are few. */
export function multiplyDyadic(a: Dyadic, b: Dyadic): Dyadic {
  return dyadic(a.numerator * b.numerator, a.bits + b.bits, false);
}

export interface Split {
  readonly taken: Dyadic;
  readonly left: Dyadic;
}

/** The part of a share that a chance takes and the part that it leaves; together they are the share, exactly. */
export function splitDyadic(share: Dyadic, chance: Dyadic): Split {
  const { known } = share;
  if (known.split !== undefined && known.chance !== undefined && isSame(known.chance, chance)) return known.split;
  known.chance = chance;
  known.split = computeSplit(share, chance);
  return known.split;
}

function isSame(a: Dyadic, b: Dyadic): boolean {
  return a === b || (a.numerator === b.numerator && a.bits === b.bits);
}

function computeSplit(share: Dyadic, chance: Dyadic): Split {
  const bits = share.bits + chance.bits;
  const whole = share.numerator << BigInt(chance.bits);
  const taken = share.numerator * chance.numerator;
  const left = whole - taken;
  if (!share.isRounded && bits <= exactBits) {
    return { taken: dyadic(taken, bits, false), left: dyadic(left, bits, false) };
  }
  // Downwards to the bits that count, so that what is taken is never nothing.
  const excess = Math.max(bitLength(left) - roundedBits, 0);
  const short = left >> BigInt(excess);
  return {
    taken: dyadic(whole - (short << BigInt(excess)), bits, share.isRounded),
    left: dyadic(short, bits - excess, true),
  };
}

function bitLength(value: bigint): number {
  const text = value.toString(16);
  return 4 * (text.length - 1) + (32 - Math.clz32(Number.parseInt(text.charAt(0), 16)));
}

export function isNothing(a: Dyadic): boolean {
  return a.numerator === 0n;
}

/** In lowest terms, found by counting zeros instead of dividing. */
export function dyadicToRational({ numerator, bits, known }: Dyadic): Rational {
  if (known.rational !== undefined) return known.rational;
  const reduced = reduceByPowerOfTwo(numerator, bits);
  known.rational = { numerator: reduced.numerator, denominator: powerOfTwo(reduced.bits) };
  return known.rational;
}
