import type { Backend } from '../backend.ts';
import { programsOf, pureHalf } from '../made.ts';
import { nftables } from './maker.ts';

export { nftables } from './maker.ts';

export function createNftables(): Backend {
  const programOf = programsOf(nftables);
  return {
    ...pureHalf(nftables, programOf, loadMeaning),
    live: async () => (await import('./live/index.ts')).createLive(programOf),
  };
}

async function loadMeaning() {
  const [{ programLook }, { traceProgram }, { nftablesExpectation }, { nftablesKnowledge }] = await Promise.all([
    import('./trace/look.ts'),
    import('./trace/trace.ts'),
    import('./expectation.ts'),
    import('./known.ts'),
  ]);
  return { trace: traceProgram, expectation: nftablesExpectation, look: programLook, knowledge: nftablesKnowledge };
}
