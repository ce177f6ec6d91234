import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{compiler,backends,agent,controller,golden,test,tools}/**/*.test.ts'],
    globalSetup: 'test/vm/shared.ts',
    // Only against hanging for ever: how fast a machine is decides no test.
    testTimeout: 180_000,
    hookTimeout: 300_000,
    // Real kernels and an emulated machine on a shared, busy one: what passes only at its second try is named at the end.
    retry: process.env.CI === undefined ? 0 : 1,
  },
});
