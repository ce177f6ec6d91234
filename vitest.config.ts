import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{compiler,backends,agent,controller,golden,test,tools}/**/*.test.ts'],
    globalSetup: 'test/vm/shared.ts',
    // Only against hanging for ever: how fast a machine is decides no test.
    testTimeout: 180_000,
    hookTimeout: 300_000,
  },
});
