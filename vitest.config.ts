import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{compiler,backends,agent,controller,golden,test,tools}/**/*.test.ts'],
    globalSetup: 'test/vm/shared.ts',
    testTimeout: 60_000,
  },
});
