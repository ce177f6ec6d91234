import type { Backend } from '../../backends/backend.ts';
import type { BackendEntry } from '../../backends/index.ts';
import { programsOf, pureHalf } from '../../backends/made.ts';
import { expectation } from '../../compiler/semantics/expect.ts';
import type { ToyKernel } from './kernel.ts';
import { toyLook } from './look.ts';
import { toyMaker } from './program.ts';
import { traceProgram } from './trace.ts';

/**
 * The toy as an entry in the list of backends.
 *
 * kernel   the toy's kernel; iptables and IPVS reach theirs by commands
 */
export function toyEntry(kernel: ToyKernel): BackendEntry {
  return {
    name: 'toy',
    tables: undefined,
    isServiceLink: () => false,
    dangers: [],
    load: () => Promise.resolve(createToy(kernel)),
  };
}

function createToy(kernel: ToyKernel): Backend {
  const programOf = programsOf(toyMaker);
  const knowledge = { known: [], readings: [], exceptionOf: () => '' };
  return {
    ...pureHalf(toyMaker, programOf, () =>
      Promise.resolve({ trace: traceProgram, expectation, look: toyLook, knowledge }),
    ),
    live: async () => (await import('./live.ts')).createToyLive(kernel, programOf),
  };
}
