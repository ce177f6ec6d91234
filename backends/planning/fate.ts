import { endpointText } from '../../compiler/ir/ir.ts';
import type { OtherShare, Share, Verdict } from '../../compiler/semantics/packet.ts';
import { add, type Rational, rational, zero } from '../../compiler/values/rational.ts';
import { unreachable } from '../../compiler/values/unreachable.ts';

/** What happens to new connections of one kind of client to one frontend. */
export type Fate =
  /** The program has no rule about it. */
  | { readonly kind: 'absent' }
  /**
   * shares       endpoint text → part of the connections
   * refused      the part that reaches none
   * masqueraded  the endpoints that see an address of the node instead of the client's
   */
  | {
      readonly kind: 'forward';
      readonly shares: ReadonlyMap<string, Rational>;
      readonly refused: Rational;
      readonly masqueraded: ReadonlySet<string>;
    }
  | { readonly kind: 'reject' | 'drop' | 'accept' | 'untouched' };

export type Forward = Extract<Fate, { kind: 'forward' }>;

export const absent: Fate = { kind: 'absent' };

export function isForward(fate: Fate): fate is Forward {
  return fate.kind === 'forward';
}

/**
 * Makes fates of verdicts, one value for all that are equal: so two are compared by what they are, and of a Service with
 * thousands of endpoints no more is kept than differs.
 */
export function createFates(): (verdict: Verdict) => Fate {
  const known: { readonly verdict: Verdict; readonly fate: Fate }[] = [];
  return (verdict) => {
    const before = known.find((one) => isSameVerdict(one.verdict, verdict));
    if (before !== undefined) return before.fate;
    const fate = toFate(verdict);
    known.push({ verdict, fate });
    return fate;
  };
}

function toFate(verdict: Verdict): Fate {
  switch (verdict.kind) {
    case 'forward':
      return forwardOf(verdict.to, []);
    case 'mixed':
      return forwardOf(verdict.to, verdict.rest);
    case 'reject':
    case 'drop':
    case 'accept':
    case 'untouched':
      return { kind: verdict.kind };
    default:
      return unreachable(verdict);
  }
}

/** An endpoint is met twice where some of its connections are masqueraded. */
function forwardOf(to: readonly Share[], rest: readonly OtherShare[]): Forward {
  const shares = new Map<string, Rational>();
  const masqueraded = new Set<string>();
  for (const { address, port, share, masquerade } of to) {
    const text = endpointText({ address, port });
    const known = shares.get(text);
    shares.set(text, known === undefined ? share : add(known, share));
    if (masquerade) masqueraded.add(text);
  }
  return { kind: 'forward', shares, refused: rest.reduce((sum, { share }) => add(sum, share), zero), masqueraded };
}

/** A kernel keeps a chance in 31 bits, so the same share is another one in every other form of rules. */
function toleranceFor(endpoints: number): Rational {
  return rational(Math.max(endpoints, 1), 1n << 31n);
}

function isSameVerdict(a: Verdict, b: Verdict): boolean {
  if (a.kind === 'forward' && b.kind === 'forward') return areSameShares(a.to, b.to);
  if (a.kind === 'mixed' && b.kind === 'mixed') return areSameShares(a.to, b.to) && areSameRests(a.rest, b.rest);
  return a.kind === b.kind;
}

function areSameShares(a: readonly Share[], b: readonly Share[]): boolean {
  if (a.length !== b.length) return false;
  const tolerance = toleranceFor(a.length);
  return a.every((one, i) => {
    const other = b[i];
    return (
      other !== undefined &&
      one.port === other.port &&
      one.address === other.address &&
      one.masquerade === other.masquerade &&
      isClose(one.share, other.share, tolerance)
    );
  });
}

function areSameRests(a: readonly OtherShare[], b: readonly OtherShare[]): boolean {
  return (
    a.length === b.length &&
    a.every((one, i) => {
      const other = b[i];
      return other !== undefined && one.fate === other.fate && isClose(one.share, other.share, toleranceFor(1));
    })
  );
}

function isClose(a: Rational, b: Rational, tolerance: Rational): boolean {
  if (a === b || (a.numerator === b.numerator && a.denominator === b.denominator)) return true;
  // Cross-multiplied: shares of large pools have huge denominators, and reducing them would take seconds.
  const difference = a.numerator * b.denominator - b.numerator * a.denominator;
  const absolute = difference < 0n ? -difference : difference;
  return absolute * tolerance.denominator <= tolerance.numerator * a.denominator * b.denominator;
}

/** Whether two fates lead to the same endpoints by the same shares, whatever address these see. */
export function isSpreadAlike(a: Fate, b: Fate): boolean {
  if (a === b) return true;
  if (!isForward(a) || !isForward(b)) return a.kind === b.kind;
  if (a.shares.size !== b.shares.size) return false;
  const tolerance = toleranceFor(a.shares.size);
  if (!isClose(a.refused, b.refused, tolerance)) return false;
  for (const [endpoint, share] of a.shares) {
    const other = b.shares.get(endpoint);
    if (other === undefined || !isClose(share, other, tolerance)) return false;
  }
  return true;
}

/** Endpoints that new connections reach. */
export function endpointsOf(fate: Fate): ReadonlySet<string> {
  return new Set(isForward(fate) ? fate.shares.keys() : []);
}
