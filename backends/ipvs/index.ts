import type { Backend } from '../backend.ts';
import { programsOf, pureHalf } from '../made.ts';
import type { TableWriter } from '../netfilter/own-chains.ts';
import { ipvs } from './maker.ts';

export { ipvs } from './maker.ts';

/** writers   every backend that writes tables, this one among them */
export function createIpvs(writers: readonly TableWriter[]): Backend {
  const programOf = programsOf(ipvs);
  return {
    ...pureHalf(ipvs, programOf, loadMeaning),
    live: async () => (await import('./live/index.ts')).createLive(writers, programOf),
  };
}

async function loadMeaning() {
  const [{ programLook }, { traceProgram }, { ipvsExpectation }, { ipvsKnowledge }] = await Promise.all([
    import('./program/look.ts'),
    import('./program/trace.ts'),
    import('./program/exceptions.ts'),
    import('./known.ts'),
  ]);
  return { trace: traceProgram, expectation: ipvsExpectation, look: programLook, knowledge: ipvsKnowledge };
}
