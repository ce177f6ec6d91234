import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { backendNames } from '../../backends/index.ts';
import { changeText } from './change-text.ts';
import { findCases, type FoundCase } from './find.ts';
import { type Check, checksOf } from './run-case.ts';
import { accept, isAcceptable } from './write.ts';

/** Options of `defineGoldenSuite`. */
export interface GoldenSuiteOptions {
  /** Check only the programs, plans and flows of these backends, as `slicewright test --backend` does. */
  readonly backends?: readonly string[];
  /** Define only cases whose names match. */
  readonly filter?: RegExp;
}

/**
 * Defines the tests of a folder of golden cases: one `describe` per case, and in it one test for each expectation and for each
 * flow and backend. It checks the same as `slicewright test`, as part of a run of vitest.
 *
 * `vitest -u` accepts new, changed and obsolete files. Without it nothing is written.
 *
 * folder   of the cases, as a path or a URL: `new URL('golden/', import.meta.url)`
 * throws   for a folder without a case, and for a wrong `suite.yaml`
 */
export function defineGoldenSuite(folder: string | URL, options: GoldenSuiteOptions = {}): void {
  const unknown = options.backends?.find((name) => !backendNames().includes(name));
  if (unknown !== undefined)
    throw new Error(`${unknown} is not a backend; the backends are ${backendNames().join(', ')}`);
  const path = folder instanceof URL ? fileURLToPath(folder) : folder;
  for (const found of findCases([path.replace(/(?<=.)\/+$/, '')])) {
    if (options.filter?.test(found.name) ?? true) {
      describe(found.name, () => {
        for (const check of checksOf(found, options)) {
          it(check.name, async () => {
            const { wanted, is } = await compared(found, check);
            expect(is).toBe(wanted);
          });
        }
      });
    }
  }
}

/** Two texts that are equal if the check passes. vitest shows their difference. */
async function compared(found: FoundCase, check: Check): Promise<{ readonly wanted: string; readonly is: string }> {
  const outcome = await check.run();
  if (outcome.kind === 'changed' && !isRewriting()) return { wanted: outcome.expected, is: outcome.found };
  if (!isAcceptable(outcome) || !isRewriting()) return { wanted: '', is: changeText(outcome) };
  accept(found, check.file, outcome);
  return { wanted: '', is: '' };
}

/** `vitest -u`: expectations are being written anew. */
function isRewriting(): boolean {
  return expect.getState().snapshotState.snapshotUpdateState === 'all';
}
