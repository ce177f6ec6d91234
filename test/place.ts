import { describe } from 'vitest';

/**
 * Where a test's code meets a kernel or another program. Tests without a place meet neither: they run in this process.
 */
export type Place = 'network namespace' | 'virtual machine' | 'program of its own';

declare module 'vitest' {
  interface TaskMeta {
    place?: Place;
    /** Why the tests of this block did not run. */
    notRun?: string;
  }
}

/**
 * One more try in CI, where machines are shared and busy. The closing report names tests that passed only at their
 * second try.
 */
const retry = (process.env['CI'] ?? '') === '' ? 0 : 1;

/**
 * A describe block whose tests need a place that a machine may not offer. The closing report of
 * `make test` counts tests by place, and lists tests that did not run, with the reason; in CI such a test
 * fails the run, so a missing place is always noticed.
 *
 * In CI, tests in such a place also get a second try: other work on a real kernel or an emulated machine can disturb
 * them. In this process only the test itself acts, so a test that fails once has found a fault.
 *
 * missing  why the place is missing, so that a person can act on it; undefined: it is there
 */
export function describeIn(place: Place, missing: string | undefined, name: string, body: () => void): void {
  const meta = missing === undefined ? { place } : { place, notRun: missing };
  describe(name, { meta, skip: missing !== undefined, retry }, body);
}
