import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { hasMaglev } from './compiled-code.ts';

/** The bit of %GetOptimizationStatus that says that TurboFan compiled a function (source: OptimizationStatus of V8). */
const byTurboFan = 64;

/** Whether TurboFan has compiled a function that ran hot for a long time. */
function reachesTurboFan(prepare: string): boolean {
  const script = `
    import { keepCodeCheap } from ${JSON.stringify(fileURLToPath(new URL('compiled-code.ts', import.meta.url)))};
    ${prepare}
    const sum = (list) => { let total = 0; for (const one of list) total += one % 7; return total; };
    const list = Array.from({ length: 1_000 }, (_, i) => i);
    let status = 0;
    for (let round = 0; round < 20_000 && (status & ${byTurboFan}) === 0; round++) {
      sum(list);
      status = %GetOptimizationStatus(sum);
    }
    console.log(status & ${byTurboFan});`;
  // One thread: what is compiled does not depend on how fast the machine is.
  const flags = ['--allow-natives-syntax', '--no-concurrent-recompilation', '--input-type=module'];
  return Number(execFileSync(process.execPath, [...flags, '--eval', script], { encoding: 'utf8' })) !== 0;
}

it('TurboFan compiles nothing where Maglev is there, and goes on where it is not', () => {
  expect(reachesTurboFan('')).toBe(true);
  expect(reachesTurboFan('keepCodeCheap();')).toBe(!hasMaglev());
});
