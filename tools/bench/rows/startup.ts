import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { AgentStatus } from '../../../agent/serving/status.ts';
import { built } from '../built.ts';
import type { Row } from './row.ts';

const demo = fileURLToPath(new URL('../../demo/', import.meta.url));

/** Runs alternate, so that other load of the machine affects all of them. */
export const startupRow: Row = {
  name: 'startup',
  about: 'commands of the built program, beside an empty Node program',
  axis: 'nothing',
  sizes: [1],
  async *measure(at, { rounds }) {
    const agent = createServer((_, answer) => answer.end(JSON.stringify(status))).listen(0, '127.0.0.1');
    await once(agent, 'listening');
    const { port } = agent.address() as AddressInfo;
    const entry = built();
    const node = ['--node', `${demo}node.yaml`];
    const commands = [
      { what: 'slicewright --help', args: [entry, '--help'], wanted: 'at most 2 of the floor' },
      {
        what: 'slicewright status',
        args: [entry, 'status', '--address', `127.0.0.1:${port}`],
        wanted: 'at most 2 of the floor',
      },
      {
        what: 'slicewright compile of one Service',
        args: [entry, 'compile', '-f', `${demo}member2.yaml`, ...node],
        wanted: 'at most 2.5 of the floor',
      },
    ];
    const empty: number[] = [];
    const times = commands.map((): number[] => []);
    for (let round = 0; round < rounds * 5; round++) {
      empty.push(await elapsedMs(['-e', '0']));
      for (const [i, { args }] of commands.entries()) times[i]!.push(await elapsedMs(args));
    }
    agent.close();
    const floor = { what: 'node -e 0', samples: empty };
    for (const [i, { what, wanted }] of commands.entries())
      yield { what, mode: undefined, unit: 'ms', at, samples: times[i]!, floor, wanted };
  },
};

/** The answer of a healthy agent with little to report. */
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

/** Asynchronous, because this process serves the status meanwhile. */
async function elapsedMs(args: readonly string[]): Promise<number> {
  const start = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  const [code] = (await once(child, 'exit')) as [number];
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}: ${stderr}`);
  return performance.now() - start;
}
