// Set-up of every test file: properties draw from the seed of the run, and a failing property prints how to repeat it.
import fc, { type RunDetails } from 'fast-check';
import { expect } from 'vitest';
import { runSeed } from './helpers/numbers.ts';

fc.configureGlobal({
  seed: runSeed(),
  reporter: (details) => {
    if (details.failed) throw new Error(`${fc.defaultReportMessage(details)}\n\n${again(details)}`, causeOf(details));
  },
});

/** The seed leads to the same counterexample: the path that fast-check prints leads from the seed to it. */
function again({ seed }: RunDetails<unknown>): string {
  const { testPath = '', currentTestName = '' } = expect.getState();
  return `See it again (${currentTestName}): SEED=${seed} make test FILES=${testPath.replace(`${process.cwd()}/`, '')}`;
}

/** The failure under the property, so that vitest shows its place. */
function causeOf({ errorInstance }: RunDetails<unknown>): ErrorOptions {
  return errorInstance === null || errorInstance === undefined ? {} : { cause: errorInstance };
}
