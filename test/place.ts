import { describe } from 'vitest';

/** Where a test's code meets a kernel, or another's program. Tests that meet neither say nothing: they are in this process. */
export type Place = 'network namespace' | 'virtual machine' | 'program of its own';

declare module 'vitest' {
  interface TaskMeta {
    place?: Place;
    /** Why the tests of this block did not run. */
    notRun?: string;
  }
}

/** In CI, on machines that are shared and busy. The closing report names what passed only at its second try. */
const retry = (process.env['CI'] ?? '') === '' ? 0 : 1;

/**
 * A describe block whose tests need a place that a machine may not offer. The closing report of
 * `make test` counts tests by place, and lists what did not run with the reason; in CI such a test
 * fails the run, so a place never goes missing unnoticed.
 *
 * There a test also has a second try: a real kernel, or an emulated machine, has neighbours that a test cannot
 * speak for. In this process nothing happens but what the test does, so a test that fails once has found something.
 *
 * missing  why the place is not there, for a person to act on; undefined: it is there
 */
export function describeIn(place: Place, missing: string | undefined, name: string, body: () => void): void {
  const meta = missing === undefined ? { place } : { place, notRun: missing };
  describe(name, { meta, skip: missing !== undefined, retry }, body);
}
