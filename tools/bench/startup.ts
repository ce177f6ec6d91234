// How long commands of the built program take, against an empty Node program: medians of alternating runs, so that what
// else the machine does falls on all. Prints ratios; judges nothing.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AgentStatus } from '../../agent/serving/status.ts';

const rounds = Number(process.env.ROUNDS ?? 31);
const entry = 'dist/slicewright.js';

if (!existsSync(entry)) throw new Error('there is no build: make build');
// What an agent answers that is well and has little to say.
const status: AgentStatus = {
  ...{ node: 'node-1', mode: 'some', nowMs: 60_000, startedMs: 0 },
  ...{ waitingFor: [], sources: [], clusters: [], problems: [], services: [] },
  families: [
    {
      ...{ family: 'IPv4', syncedMs: 59_000, durationMs: 20, failure: undefined },
      ...{ drifts: 0, lastDrift: undefined, quarantined: [] },
    },
  ],
};
const agent = createServer((_, answer) => answer.end(JSON.stringify(status))).listen(0, '127.0.0.1');
await once(agent, 'listening');
const { port } = agent.address() as AddressInfo;

const commands: readonly (readonly [string, readonly string[]])[] = [
  ['node -e 0', ['-e', '0']],
  ['slicewright --help', [entry, '--help']],
  ['slicewright status', [entry, 'status', '--address', `127.0.0.1:${port}`]],
  ['slicewright compile', [entry, 'compile', '-f', 'tools/demo/member2.yaml', '--node', 'tools/demo/node.yaml']],
];
const times = commands.map((): number[] => []);
for (let round = 0; round < rounds; round++) {
  for (const [i, [, args]] of commands.entries()) times[i]?.push(await elapsedMs(args));
}
agent.close();
const [empty = 0] = times.map(median);
for (const [i, [name]] of commands.entries()) {
  const ms = median(times[i] ?? []);
  console.log(`${name.padEnd(20)} ${ms.toFixed(1).padStart(7)} ms   ${(ms / empty).toFixed(2)}`);
}
console.log(`medians of ${rounds} each; the last column is the ratio to node -e 0`);

/** Not in this process' own time: it serves the status meanwhile. */
async function elapsedMs(args: readonly string[]): Promise<number> {
  const start = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  const [code] = (await once(child, 'exit')) as [number];
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}: ${stderr}`);
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
