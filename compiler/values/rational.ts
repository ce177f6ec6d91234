/**
 * Exact fractions. Shares of traffic are compared exactly, so that a rounding error
 * in a program cannot hide behind the rounding of the check.
 */
export interface Rational {
  readonly numerator: bigint;
  /** Always positive; the fraction is in lowest terms. */
  readonly denominator: bigint;
}

export function rational(numerator: bigint | number, denominator: bigint | number = 1n): Rational {
  const n = BigInt(numerator);
  const d = BigInt(denominator);
  if (d === 0n) throw new Error('a fraction with denominator 0');
  return d < 0n ? reduce(-n, -d) : reduce(n, d);
}

/**
 * In lowest terms. Probabilities have a power of two as denominator, thousands of bits long: their common divisor is
 * found by counting zeros, since division would take as many steps as there are bits.
 */
function reduce(n: bigint, d: bigint): Rational {
  if (d === 1n || n === 1n) return { numerator: n, denominator: d };
  const bits = exponentOf(d);
  if (bits !== undefined) {
    const reduced = reduceByPowerOfTwo(n, bits);
    return { numerator: reduced.numerator, denominator: powerOfTwo(reduced.bits) };
  }
  const divisor = gcd(n < 0n ? -n : n, d);
  return divisor === 1n ? { numerator: n, denominator: d } : { numerator: n / divisor, denominator: d / divisor };
}

/** Powers of two that are in use: thousands of fractions share one denominator. */
const powers: bigint[] = [];
/** Longer powers are computed each time. */
const rememberedBits = 4096;

export function powerOfTwo(bits: number): bigint {
  const power = powers[bits] ?? 1n << BigInt(bits);
  if (bits <= rememberedBits) powers[bits] = power;
  return power;
}

function exponentOf(d: bigint): number | undefined {
  return (d & (d - 1n)) === 0n ? zerosAtEnd(d) : undefined;
}

/** numerator / 2^bits in lowest terms. */
export function reduceByPowerOfTwo(
  numerator: bigint,
  bits: number,
): { readonly numerator: bigint; readonly bits: number } {
  if (numerator === 0n) return { numerator, bits: 0 };
  if (bits === 0 || (numerator & 1n) === 1n) return { numerator, bits };
  const zeros = Math.min(zerosAtEnd(numerator), bits);
  return { numerator: numerator >> BigInt(zeros), bits: bits - zeros };
}

function zerosAtEnd(value: bigint): number {
  const lowest = (value & -value).toString(16);
  return 4 * (lowest.length - 1) + Math.log2(Number.parseInt(lowest.charAt(0), 16));
}

function gcd(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a === 0n ? 1n : a;
}

export const zero: Rational = rational(0);
export const one: Rational = rational(1);

export function add(a: Rational, b: Rational): Rational {
  if (a.denominator === b.denominator) return reduce(a.numerator + b.numerator, a.denominator);
  return rational(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator);
}

export function subtract(a: Rational, b: Rational): Rational {
  return add(a, { numerator: -b.numerator, denominator: b.denominator });
}

export function multiply(a: Rational, b: Rational): Rational {
  return rational(a.numerator * b.numerator, a.denominator * b.denominator);
}

export function divide(a: Rational, b: Rational): Rational {
  return rational(a.numerator * b.denominator, a.denominator * b.numerator);
}

export function compareRationals(a: Rational, b: Rational): number {
  if (a.denominator === b.denominator) return Number(a.numerator > b.numerator) - Number(a.numerator < b.numerator);
  const difference = a.numerator * b.denominator - b.numerator * a.denominator;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

export function isZero(a: Rational): boolean {
  return a.numerator === 0n;
}

export function sumRationals(values: Iterable<Rational>): Rational {
  let total = zero;
  for (const value of values) total = add(total, value);
  return total;
}

/** The distance between two fractions, never negative. */
export function distance(a: Rational, b: Rational): Rational {
  const difference = subtract(a, b);
  return difference.numerator < 0n ? { ...difference, numerator: -difference.numerator } : difference;
}

/** For people only: `12.5 %`, with at most four decimals. */
export function formatPercent(value: Rational): string {
  const tenThousandths = (value.numerator * 2_000_000n + value.denominator) / (value.denominator * 2n);
  const whole = tenThousandths / 10_000n;
  const rest = String(tenThousandths % 10_000n)
    .padStart(4, '0')
    .replace(/0+$/, '');
  return rest === '' ? `${whole} %` : `${whole}.${rest} %`;
}
