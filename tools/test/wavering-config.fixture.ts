import { defineConfig } from 'vitest/config';
import config from '../../vitest.config.ts';

/** The configuration of all tests, for tests that are meant to fail; it boots no machine for them. */
export default defineConfig({
  ...config,
  test: { ...config.test, include: ['tools/test/wavering.fixture.ts'], globalSetup: [] },
});
