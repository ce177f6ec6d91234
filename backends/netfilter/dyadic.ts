import { powerOfTwo, type Rational, reduceByPowerOfTwo } from '../../compiler/values/rational.ts';

/**
 * numerator / 2^bits: what becomes of shares that are split by chances of 31 bits.
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
  readonly isRounded?: true;
}

const exactBits = 8192;
const roundedBits = 1024;

export const certain: Dyadic = { numerator: 1n, bits: 0 };

/** of31 / 2³¹. */
export function dyadicOf31(of31: number): Dyadic {
  return { numerator: BigInt(of31), bits: 31 };
}

/** Exact; of chances, whose bits are few. */
export function multiplyDyadic(a: Dyadic, b: Dyadic): Dyadic {
  return { numerator: a.numerator * b.numerator, bits: a.bits + b.bits };
}

export interface Split {
  readonly taken: Dyadic;
  readonly left: Dyadic;
}

/** How a share was split last: packet after packet walks the same chain, and gets the very same values again. */
const lastSplits = new WeakMap<Dyadic, { readonly chance: Dyadic; readonly split: Split }>();

/** The part of a share that a chance takes and the part that it leaves; together they are the share, exactly. */
export function splitDyadic(share: Dyadic, chance: Dyadic): Split {
  const last = lastSplits.get(share);
  if (last?.chance.numerator === chance.numerator && last.chance.bits === chance.bits) return last.split;
  const split = computeSplit(share, chance);
  lastSplits.set(share, { chance, split });
  return split;
}

function computeSplit(share: Dyadic, chance: Dyadic): Split {
  const taken = multiplyDyadic(share, chance);
  const left = subtract(share, taken);
  if (share.isRounded !== true && left.bits <= exactBits) return { taken, left };
  const short = rounded(left);
  return { taken: subtract(share, short), left: short };
}

/** Downwards to {@link roundedBits} bits that count, so that what is taken is never nothing. */
function rounded({ numerator, bits }: Dyadic): Dyadic {
  const excess = Math.max(bitLength(numerator) - roundedBits, 0);
  return { numerator: numerator >> BigInt(excess), bits: bits - excess, isRounded: true };
}

function subtract(a: Dyadic, b: Dyadic): Dyadic {
  const bits = Math.max(a.bits, b.bits);
  const at = ({ numerator, bits: own }: Dyadic) => numerator << BigInt(bits - own);
  return { numerator: at(a) - at(b), bits, ...(a.isRounded && { isRounded: a.isRounded }) };
}

function bitLength(value: bigint): number {
  const text = value.toString(16);
  return 4 * (text.length - 1) + (32 - Math.clz32(Number.parseInt(text.charAt(0), 16)));
}

export function isNothing(a: Dyadic): boolean {
  return a.numerator === 0n;
}

const rationals = new WeakMap<Dyadic, Rational>();

/** In lowest terms, found by counting zeros instead of dividing. */
export function dyadicToRational(value: Dyadic): Rational {
  const known = rationals.get(value);
  if (known !== undefined) return known;
  const reduced = reduceByPowerOfTwo(value.numerator, value.bits);
  const made = { numerator: reduced.numerator, denominator: powerOfTwo(reduced.bits) };
  rationals.set(value, made);
  return made;
}
