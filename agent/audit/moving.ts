import type { ModeKnowledge } from '../../backends/equivalence/known-difference.ts';
import type { Look } from '../../backends/equivalence/look.ts';
import type { Target } from '../../backends/target.ts';
import { disagreement } from '../../compiler/semantics/agree.ts';
import { expectation } from '../../compiler/semantics/expect.ts';
import type { Verdict } from '../../compiler/semantics/packet.ts';
import type { Judge } from './judge.ts';

/** A mode, as far as one family's objects go. */
export interface ModeMeaning {
  readonly look: Look;
  readonly knowledge: ModeKnowledge;
}

/**
 * Judges what `to` would do differently from the rules found. The new mode is taken to be right, so each difference comes from
 * today's rules (wrong, unknown, or known of a kube-proxy in this mode) or from how the two modes differ from the reference.
 */
export function createMovingJudge(now: Judge, from: ModeMeaning, to: ModeMeaning, target: Target): Judge {
  const reference = expectation(target.services, target.node);
  return (packet, brief, asked) => {
    const how = asked === undefined ? { brief: true } : { brief: true, asked };
    const after = to.look.trace(packet, how).verdict;
    const today = now(packet, brief, asked);
    if (today.kind === 'unknown') return today;
    const reason = disagreement(after, brief.verdict);
    if (reason === undefined) return { kind: 'ok' };
    if (today.kind === 'wrong') return { kind: 'wrong', reason };
    const asReferred = reference(packet);
    const exceptions = ({ knowledge }: ModeMeaning, given: Verdict) =>
      disagreement(asReferred, given) === undefined
        ? []
        : [knowledge.exceptionOf({ packet, wanted: asReferred, found: given, target })];
    const codes = [
      ...(today.kind === 'known' ? today.codes : []),
      ...exceptions(from, from.look.trace(packet, { brief: true }).verdict),
      ...exceptions(to, after),
    ];
    return { kind: 'known', codes: [...new Set(codes)] };
  };
}
