import { multiply, type Rational, rational } from '../values/rational.ts';
import type { Share, Verdict } from './packet.ts';
import { fateText } from './verdict.ts';
import { formatFraction, formatVerdict } from './verdict-text.ts';

/**
 * A kernel keeps the chance of a rule in 31 bits: each rule on the way can be off by half a unit, and by rounding in
 * the text.
 */
const roundingPerEndpoint = rational(1, 1n << 31n);

/**
 * How a verdict differs from what must happen, in words; undefined when they agree.
 *
 * Everything is compared exactly but shares, which agree within (number of endpoints) × 2⁻³¹.
 */
export function disagreement(expected: Verdict, actual: Verdict): string | undefined {
  if (isAlike(expected, actual)) return undefined;
  const wanted = parts(expected);
  const found = parts(actual);
  const tolerance = multiply(roundingPerEndpoint, rational(Math.max(wanted.size, 1)));
  for (const [fate, share] of wanted) {
    const other = found.get(fate);
    if (other === undefined) return explain(`nothing goes "${fate}"`, expected, actual);
    if (!isClose(share, other, tolerance)) {
      return explain(`${formatFraction(other)} goes "${fate}" instead of ${formatFraction(share)}`, expected, actual);
    }
  }
  for (const fate of found.keys()) {
    if (!wanted.has(fate)) return explain(`something goes "${fate}"`, expected, actual);
  }
  return undefined;
}

/** Whether the same endpoints, in the same order, have the same shares: the usual case, found quickly. */
function isAlike(expected: Verdict, actual: Verdict): boolean {
  if (expected.kind !== 'forward' || actual.kind !== 'forward' || expected.to.length !== actual.to.length) return false;
  const tolerance = multiply(roundingPerEndpoint, rational(Math.max(expected.to.length, 1)));
  return expected.to.every((wanted, i) => {
    const found = actual.to[i];
    return (
      found !== undefined &&
      wanted.address === found.address &&
      wanted.port === found.port &&
      wanted.masquerade === found.masquerade &&
      isClose(wanted.share, found.share, tolerance)
    );
  });
}

function parts(verdict: Verdict): ReadonlyMap<string, Rational> {
  const forwards = (to: readonly Share[]) =>
    to.map((share): [string, Rational] => [`to ${fateText(share)}`, share.share]);
  switch (verdict.kind) {
    case 'forward':
      return new Map(forwards(verdict.to));
    case 'mixed':
      return new Map([
        ...forwards(verdict.to),
        ...verdict.rest.map(({ fate, share }): [string, Rational] => [fate, share]),
      ]);
    default:
      return new Map([[verdict.kind, rational(1)]]);
  }
}

/** Cross-multiplied: shares of large pools have huge denominators, and reducing them would take seconds. */
function isClose(a: Rational, b: Rational, tolerance: Rational): boolean {
  const difference = a.numerator * b.denominator - b.numerator * a.denominator;
  const absolute = difference < 0n ? -difference : difference;
  return absolute * tolerance.denominator <= tolerance.numerator * a.denominator * b.denominator;
}

function explain(what: string, expected: Verdict, actual: Verdict): string {
  return `${what}; expected: ${shorten(expected)}; found: ${shorten(actual)}`;
}

function shorten(verdict: Verdict): string {
  const lines = formatVerdict(verdict);
  const shown = lines.slice(0, 8).join(', ');
  return lines.length > 8 ? `${shown} and ${lines.length - 8} more` : shown;
}
