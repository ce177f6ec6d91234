import type { Asked, Look } from '../../backends/equivalence/look.ts';
import { disagreement } from '../../compiler/semantics/agree.ts';
import type { Packet, Trace, TraceStep } from '../../compiler/semantics/packet.ts';
import type { Meanings } from './readings.ts';

/** What one packet shows. */
export type Judgement =
  | { readonly kind: 'ok' }
  /** Other than slicewright would do it, by differences that have a code. */
  | { readonly kind: 'known'; readonly codes: readonly string[] }
  /** It could meet rules that nobody can read. */
  | { readonly kind: 'unknown'; readonly rules: readonly string[] }
  | { readonly kind: 'wrong'; readonly reason: string };

export interface Judge {
  /** brief   what was found, without the steps that need not be told */
  (packet: Packet, brief: Trace, asked?: Asked): Judgement;
}

/** Judges what `found` does with packets by what the objects mean in its mode. */
export function createJudge(found: Look, meanings: Meanings): Judge {
  return (packet, brief, asked) => {
    const unread = skippedIn(brief, (skipped) => skipped === 'not understood');
    if (unread.length > 0) return { kind: 'unknown', rules: unread };
    const reason = disagreement(meanings.wanted(packet, asked), brief.verdict);
    // A jump to nowhere: no kernel has it, so a part of the dump is missing, and whoever is served all the same is lucky.
    const broken = skippedIn(brief, () => true);
    if (reason === undefined) return broken.length === 0 ? { kind: 'ok' } : { kind: 'unknown', rules: broken };
    const codes = broken.length > 0 ? undefined : meanings.explain(packet, withAllSteps(found, packet, brief), asked);
    return codes === undefined ? { kind: 'wrong', reason } : { kind: 'known', codes };
  };
}

/** A brief trace, whose way is followed again when somebody asks for it: few do, and a large Service's is long. */
function withAllSteps(found: Look, packet: Packet, { verdict }: Trace): Trace {
  let steps: Trace['steps'] | undefined;
  return {
    verdict,
    get steps() {
      steps ??= found.trace(packet).steps;
      return steps;
    },
  };
}

function skippedIn({ steps }: Trace, is: (skipped: NonNullable<TraceStep['skipped']>) => boolean): string[] {
  return steps.flatMap(({ where, rule, skipped }) =>
    skipped !== undefined && is(skipped) ? [`${where}: ${rule}`] : [],
  );
}
