import { loadMode } from '../../../backends/index.ts';
import { hostRun } from '../../../backends/run.ts';
import { bootNetwork, type LocalNetwork } from '../../../test/netns/network.ts';
import { through } from '../../../test/netns/processes.ts';
import { type BenchAgent, type BenchServers, startAgent, startServers, type Usage } from '../agent-process.ts';
import { built } from '../built.ts';
import { wantedOf } from '../cluster.ts';
import { type Figure, middle, quantile } from '../figures.ts';
import { meterOf, type Taken } from '../meter.ts';
import { type BenchMode, runAll, scope } from '../modes.ts';
import { clusterObjects, type Shape } from '../objects.ts';
import { type Chosen, endpointsEach, type Row } from './row.ts';

/** The whole process, from its start: the resources that a node must provide. */
export const agentRow: Row = {
  name: 'agent',
  about: 'the built agent as a process, and API servers in another; 5 endpoints each',
  axis: 'Services',
  sizes: [100, 1_000, 5_000],
  async *measure(services, options) {
    const shape = { services, endpointsEach, clusters: 1 };
    for (const mode of options.modes) yield* measured(shape, mode, services, options);
  },
};

/** The same with API servers of many clusters, next to a single cluster that holds all objects. */
export const agentFanInRow: Row = {
  name: 'agent-fan-in',
  about: 'the built agent: 500 Services with 100 endpoints each, which so many clusters offer',
  axis: 'clusters',
  sizes: [1, 20],
  async *measure(clusters, options) {
    if (100 % clusters !== 0) throw new Error(`100 endpoints cannot be divided among ${clusters} clusters`);
    const shape = { services: 500, endpointsEach: 100 / clusters, clusters };
    for (const mode of options.modes) {
      const starts: Start[] = [];
      for (let round = 0; round < options.rounds; round++) {
        await withServers(mode, shape, options, async (network, servers) => {
          await withAgent(network, mode, servers, async (agent) => {
            starts.push({ agent, usage: await settled(agent) });
          });
        });
      }
      const about = { mode: mode.name, at: clusters };
      const what = 'start to all in force';
      yield { what, ...about, unit: 'ms', samples: starts.map(({ agent }) => agent.startMs) };
      yield {
        ...{ what: 'that start: its own CPU', ...about, unit: 'CPU ms' },
        samples: starts.map(({ usage }) => usage.ownSeconds * 1_000),
      };
      // The number must be the same for any number of clusters: otherwise objects of one are left out, and the other
      // figures mean nothing.
      yield { what: 'that start', ...about, unit: 'lines', samples: starts.map(({ agent }) => agent.first.lines) };
      yield {
        ...{ what: 'resident memory after the start', ...about, unit: 'MB' },
        samples: starts.map(({ usage }) => usage.rssMb),
        wanted: 'as one cluster, within 20 %',
      };
    }
  },
};

async function* measured(shape: Shape, mode: BenchMode, at: number, options: Chosen): AsyncGenerator<Figure> {
  const { rounds, changes } = options;
  const objects = clusterObjects(shape.services, shape.endpointsEach);
  const commands = await mode.floor.of(wantedOf(objects));
  const { live } = await loadMode(mode.backend);
  const [cold, right, after]: [Start[], Start[], Changed[]] = [[], [], []];
  const [floor, reading]: [Taken[], Taken[]] = [[], []];

  for (let round = 0; round < rounds; round++) {
    await withServers(mode, { ...shape, services: 0 }, options, async (network) => {
      const { run, time } = meterOf(network.run('node', 300_000));
      floor.push(await time(() => runAll(run, commands)));
    });
    await withServers(mode, shape, options, async (network, servers) => {
      await withAgent(network, mode, servers, async (agent) => {
        cold.push({ agent, usage: await settled(agent) });
        // The changes are the same in each round, so one round is enough.
        if (round === 0) after.push(await change(agent, servers, shape, changes));
      });
      // The rules after the changes are in force: the next agent finds them correct.
      // As the agent runs its tools, so that only what it does beside the reading makes a difference.
      const { run, time } = meterOf(through(hostRun(), network.enter('node')));
      reading.push(await time(() => live.observe(run, scope, true)));
      await withAgent(network, mode, servers, async (agent) => {
        if (agent.first.transactions > 0) throw new Error('a kernel that was right was written to');
        right.push({ agent, usage: await settled(agent) });
      });
    });
  }

  const about = { mode: mode.name, at };
  const read = { what: 'a reading', samples: reading.map(({ ms }) => ms) };
  const loads = { what: mode.floor.what, samples: floor.map(({ ms }) => ms) };
  const startMs = (starts: readonly Start[]) => starts.map(({ agent }) => agent.startMs);
  const cpuMs = (starts: readonly Start[], of: 'ownSeconds' | 'childrenSeconds') =>
    starts.map(({ usage }) => usage[of] * 1_000);
  const memory = after.flatMap(({ rssMb }) => rssMb);
  yield { what: 'start on an empty kernel', ...about, unit: 'ms', samples: startMs(cold), floor: loads };
  yield { what: 'that start: its own CPU', ...about, unit: 'CPU ms', samples: cpuMs(cold, 'ownSeconds') };
  yield { what: 'that start: CPU of tools', ...about, unit: 'CPU ms', samples: cpuMs(cold, 'childrenSeconds') };
  yield {
    ...{
      what: 'start on a kernel that is right: no write',
      ...about,
      unit: 'ms',
      samples: startMs(right),
      floor: read,
    },
    wanted: 'at most 1.3 of the floor',
  };
  yield* after.flatMap(({ latencyMs, own, children }): Figure[] => [
    {
      what: 'one endpoint changed, write to in force',
      ...about,
      unit: 'ms',
      samples: latencyMs,
      wanted: 'under 60 ms',
    },
    {
      what: 'the same, the slowest of 100',
      ...about,
      unit: 'ms',
      samples: [quantile(latencyMs, 0.99)],
      wanted: 'under 200 ms',
    },
    {
      what: '1,000 such changes: its own CPU',
      ...about,
      unit: 'CPU ms',
      samples: [own],
      wanted: 'under 10,000; slope at most 0.1',
    },
    { what: '1,000 such changes: CPU of tools', ...about, unit: 'CPU ms', samples: [children] },
  ]);
  yield {
    what: 'resident memory after the start',
    ...about,
    unit: 'MB',
    samples: cold.map(({ usage }) => usage.rssMb),
  };
  yield { what: 'resident memory after the changes', ...about, unit: 'MB', samples: memory.slice(-1) };
  const third = Math.ceil(memory.length / 3);
  yield {
    ...{ what: 'resident memory, last third of the changes to the first', ...about, unit: 'ratio' },
    samples: [middle(memory.slice(-third)) / middle(memory.slice(0, third))],
    wanted: 'within 5 %',
  };
}

interface Start {
  readonly agent: BenchAgent;
  readonly usage: Usage;
}

interface Changed {
  readonly latencyMs: readonly number[];
  /** After each change. */
  readonly rssMb: readonly number[];
  /** CPU, in ms for 1,000 changes. */
  readonly own: number;
  readonly children: number;
}

/** One endpoint goes or comes, each time of another Service; the next change follows only when this one is in force. */
async function change(agent: BenchAgent, servers: BenchServers, shape: Shape, changes: number): Promise<Changed> {
  const before = agent.usage();
  const [latencyMs, rssMb]: [number[], number[]] = [[], []];
  for (let i = 0; i < changes; i++) {
    const synced = agent.synced();
    const from = performance.now();
    const isThere = Math.floor(i / shape.services) % 2 === 1;
    servers.write({ service: i % shape.services, endpoints: shape.endpointsEach - (isThere ? 0 : 1) });
    await synced;
    latencyMs.push(performance.now() - from);
    rssMb.push(agent.usage().rssMb);
  }
  const after = await settled(agent);
  const each = (of: 'ownSeconds' | 'childrenSeconds') => ((after[of] - before[of]) * 1_000 * 1_000) / changes;
  return { latencyMs, rssMb: [...rssMb, after.rssMb], own: each('ownSeconds'), children: each('childrenSeconds') };
}

/** After a sync, when no work is left: reporting and garbage collection are done. */
async function settled(agent: BenchAgent): Promise<Usage> {
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  return agent.usage();
}

async function withServers(
  mode: BenchMode,
  shape: Shape,
  { isolation }: Chosen,
  body: (network: LocalNetwork, servers: BenchServers) => Promise<void>,
): Promise<void> {
  await using network = await bootNetwork({ hosts: [{ name: 'node', role: 'router' }], wires: [] }, isolation);
  if (mode.choose !== undefined) await runAll(network.run('node'), [mode.choose]);
  const servers = await startServers(network, shape);
  try {
    await body(network, servers);
  } finally {
    await servers.stop();
  }
}

async function withAgent(
  network: LocalNetwork,
  { backend }: BenchMode,
  { urls }: BenchServers,
  body: (agent: BenchAgent) => Promise<void>,
): Promise<void> {
  const flags = (process.env.NODE_FLAGS ?? '').split(' ').filter((flag) => flag !== '');
  const agent = await startAgent(network, [process.execPath, ...flags, built()], backend, urls);
  try {
    await body(agent);
  } finally {
    await agent.stop();
  }
}
