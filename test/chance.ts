// Set-up of every file of tests: properties draw from the seed of the run, and one that fails says how to see it again.
import fc, { type RunDetails } from 'fast-check';
import { expect } from 'vitest';
import { runSeed } from './helpers/numbers.ts';

fc.configureGlobal({
  seed: runSeed(),
  reporter: (details) => {
    if (details.failed) throw new Error(`${fc.defaultReportMessage(details)}\n\n${again(details)}`, causeOf(details));
  },
});

/** The seed leads to the same counterexample: the path that fast-check prints with it is the way from one to the other. */
function again({ seed }: RunDetails<unknown>): string {
  const { testPath = '', currentTestName = '' } = expect.getState();
  return `See it again (${currentTestName}): SEED=${seed} make test FILES=${testPath.replace(`${process.cwd()}/`, '')}`;
}

/** What failed under the property, for vitest to show where. */
function causeOf({ errorInstance }: RunDetails<unknown>): ErrorOptions {
  return errorInstance === null || errorInstance === undefined ? {} : { cause: errorInstance };
}
