import type { Rational } from '../values/rational.ts';
import type { Trace, Verdict } from './packet.ts';
import { fateText } from './verdict.ts';

/**
 * A verdict as lines for people, one a fate:
 *
 *     1/2 to 10.10.0.6:8080
 *     1/2 to 10.12.0.6:8080 masqueraded
 *
 * or one of `reject`, `drop`, `accept`, `untouched`.
 */
export function formatVerdict(verdict: Verdict): string[] {
  switch (verdict.kind) {
    case 'forward':
      return verdict.to.map(formatShare);
    case 'mixed':
      return [
        ...verdict.to.map(formatShare),
        ...verdict.rest.map(({ fate, share }) => `${formatFraction(share)} ${fate}`),
      ];
    default:
      return [verdict.kind];
  }
}

function formatShare(share: Extract<Verdict, { kind: 'forward' }>['to'][number]): string {
  const fraction = formatFraction(share.share);
  return `${fraction === '1' ? 'all' : fraction} to ${fateText(share)}`;
}

/** A small fraction exactly, any other by its first ten decimals. */
export function formatFraction({ numerator, denominator }: Rational): string {
  if (denominator === 1n) return String(numerator);
  if (denominator < 1_000_000n) return `${numerator}/${denominator}`;
  const decimals = (numerator * 10_000_000_000n + denominator / 2n) / denominator;
  return `≈0.${String(decimals).padStart(10, '0')}`;
}

/** The rules that a packet met, one a line, as the program prints them. */
export function formatTrace(trace: Trace): string[] {
  return trace.steps.map(({ where, rule, share, skipped, ofOthers }) => {
    const whose = ofOthers === true ? " (another program's)" : '';
    const note = skipped === undefined ? whose : `${whose} (skipped: ${skipped})`;
    const part = share.numerator === share.denominator ? '' : ` [${formatFraction(share)}]`;
    return `${where}${part}: ${rule}${note}`;
  });
}
