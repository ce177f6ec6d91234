import type { Asked, Look } from '../../backends/equivalence/look.ts';
import { disagreement } from '../../compiler/semantics/agree.ts';
import type { Packet, Trace, TraceStep } from '../../compiler/semantics/packet.ts';
import type { Meanings } from './readings.ts';

/** What one packet shows. */
export type Judgement =
  | { readonly kind: 'ok' }
  /** slicewright would treat it in another way, and known differences, each with a code, explain why. */
  | { readonly kind: 'known'; readonly codes: readonly string[] }
  /** The packet may meet rules that slicewright cannot read. */
  | { readonly kind: 'unknown'; readonly rules: readonly string[] }
  | { readonly kind: 'wrong'; readonly reason: string };

export interface Judge {
  /** brief   the trace as found, without the steps that can be left out */
  (packet: Packet, brief: Trace, asked?: Asked): Judgement;
}

/** Judges what `found` does with packets by what the objects mean in its mode. */
export function createJudge(found: Look, meanings: Meanings): Judge {
  return (packet, brief, asked) => {
    const unread = skippedIn(brief, (skipped) => skipped === 'not understood');
    if (unread.length > 0) return { kind: 'unknown', rules: unread };
    const reason = disagreement(meanings.wanted(packet, asked), brief.verdict);
    // A jump to a missing chain: no kernel holds one, so the dump is incomplete and a right verdict proves nothing.
    const broken = skippedIn(brief, () => true);
    if (reason === undefined) return broken.length === 0 ? { kind: 'ok' } : { kind: 'unknown', rules: broken };
    const codes = broken.length > 0 ? undefined : meanings.explain(packet, withAllSteps(found, packet, brief), asked);
    return codes === undefined ? { kind: 'wrong', reason } : { kind: 'known', codes };
  };
}

/** A brief trace. Its full steps are traced only on demand: few callers need them, and a large Service has many. */
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
