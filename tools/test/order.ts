import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * The turn of each file in one run: first those that wait for the emulated machine, so that it boots meanwhile;
 * then those that wait for namespaces and processes; then those that only compute.
 *
 * file     path from the root of the checkout
 * returns  smaller is earlier
 */
export function turnOf(file: string): number {
  // This test waits until it is alone on the machine, so the others must start first.
  if (file === 'test/ipvs/modes.test.ts') return 3;
  if (file.startsWith('test/ipvs/')) return 0;
  return /^(test|tools)\//.test(file) ? 1 : 2;
}

/** Within one turn vitest's order applies: files that failed or took long the last time, else large files, go first. */
export class WaitingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const turn = ({ moduleId }: TestSpecification) => turnOf(relative(this.ctx.config.root, moduleId));
    return (await super.sort(files)).toSorted((a, b) => turn(a) - turn(b));
  }
}
