import type { Backend } from '../backend.ts';
import { programsOf, pureHalf } from '../made.ts';
import type { TableWriter } from '../netfilter/own-chains.ts';
import { iptables } from './maker.ts';

export { iptables } from './maker.ts';
export { isOurChain } from './names.ts';
export type { IptablesUnit } from './unit.ts';

/** writers   every backend that writes tables, this one among them */
export function createIptables(writers: readonly TableWriter[]): Backend {
  const programOf = programsOf(iptables);
  return {
    ...pureHalf(iptables, programOf, loadMeaning),
    live: async () => (await import('./live/index.ts')).createLive(writers, programOf),
  };
}

async function loadMeaning() {
  const [{ rulesetLook }, { traceRuleset }, { expectation }, { iptablesKnowledge }] = await Promise.all([
    import('../netfilter/trace/look.ts'),
    import('../netfilter/trace/trace.ts'),
    import('../../compiler/semantics/expect.ts'),
    import('./known.ts'),
  ]);
  return { trace: traceRuleset, expectation, look: rulesetLook, knowledge: iptablesKnowledge };
}
