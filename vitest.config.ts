import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { WaitingFirst } from './tools/test/order.ts';

// Node's programs that tests start, and the workers themselves, are compiled once.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('.cache/node', import.meta.url));

export default defineConfig({
  test: {
    include: ['{compiler,backends,agent,controller,golden,test,tools}/**/*.test.ts'],
    globalSetup: 'test/vm/shared.ts',
    setupFiles: 'test/chance.ts',
    // All chance of a run comes from here (test/helpers/numbers.ts). Also a test that is tried again gets the same.
    env: { SEED: process.env['SEED'] ?? String(Math.floor(Math.random() * 2 ** 31)) },
    // A test that looks at nothing cannot fail.
    expect: { requireAssertions: true },
    // More than processors: tests on kernels wait more than they work, and five files wait for one machine.
    maxWorkers: Math.max(7, availableParallelism()),
    sequence: { sequencer: WaitingFirst },
    // Only against hanging forever: how fast a machine is decides no test.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // A second try hides defects: test/place.ts gives one to tests that meet a kernel, and no others have one.
    retry: 0,
  },
});
