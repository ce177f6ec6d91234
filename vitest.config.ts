import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{compiler,backends,agent,controller,golden,test,tools}/**/*.test.ts'],
    testTimeout: 60_000,
  },
});
