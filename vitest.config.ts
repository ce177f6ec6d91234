import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{compiler,backends,agent,controller,golden,test}/**/*.test.ts'],
    testTimeout: 60_000,
  },
});
