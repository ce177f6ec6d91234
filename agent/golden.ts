/* `slicewright/golden`, as the package publishes it: golden cases as tests of vitest. */

export { defineGoldenSuite, type GoldenSuiteOptions } from './suite/vitest.ts';
