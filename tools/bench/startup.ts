// How long the built program takes to compile seed B, against an empty Node program: medians of
// alternating runs, so that what else the machine does falls on both. Prints the ratio; judges nothing.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const rounds = 31;
const entry = 'dist/slicewright.js';
const seed = ['compile', '-f', 'tools/demo/member2.yaml', '--node', 'tools/demo/node.yaml'];

if (!existsSync(entry)) throw new Error('there is no build: make build');
const empty: number[] = [];
const compile: number[] = [];
for (let round = 0; round < rounds; round++) {
  empty.push(elapsedMs(['-e', '0']));
  compile.push(elapsedMs([entry, ...seed]));
}
console.log(`node -e 0            ${median(empty).toFixed(1)} ms`);
console.log(`slicewright compile  ${median(compile).toFixed(1)} ms`);
console.log(`ratio                ${(median(compile) / median(empty)).toFixed(2)}   (median of ${rounds} each)`);

function elapsedMs(args: readonly string[]): number {
  const start = process.hrtime.bigint();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}: ${stderr}`);
  return Number(process.hrtime.bigint() - start) / 1e6;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
