import { loadMode } from '../../../backends/index.ts';
import type { Run } from '../../../backends/command.ts';
import type { Target } from '../../../backends/target.ts';
import { ipvsAvailability } from '../../../test/vm/availability.ts';
import { type Machine, startIpvsMachine } from '../../../test/vm/machine.ts';
import { loneNode } from '../../../test/vm/network.ts';
import { wantedOf } from '../cluster.ts';
import type { Figure } from '../figures.ts';
import { meterOf, type Taken } from '../meter.ts';
import { planeIn, runAll } from '../modes.ts';
import { clusterObjects, endpointsOf, serviceObjects } from '../objects.ts';
import { type Chosen, endpointsEach, type Row } from './row.ts';

/** The command that loads one of the files that `compile --out` writes, by the file's name. */
type FileLoad = readonly [file: string, tool: string, ...args: string[]];

/** Backends for a kernel with IPVS, whose files several tools load. */
const servers: Readonly<Record<string, readonly FileLoad[]>> = {
  ipvs: [
    ['ipvsadm-save', 'ipvsadm', '-R'],
    ['ipset-save', 'ipset', 'restore'],
  ],
};

/** For a kernel that has IPVS: where this machine has none, in an emulated machine. There, only time counts. */
export const machineRow: Row = {
  name: 'machine',
  about: 'Service ports to a kernel that has IPVS: an empty one, and one endpoint changed; 5 endpoints each',
  axis: 'Services',
  sizes: [1_000],
  isSlow: true,
  async *measure(services, options) {
    const { missing } = await ipvsAvailability();
    if (missing !== undefined) throw new Error(`no kernel with IPVS here: ${missing}`);
    const objects = clusterObjects(services, endpointsEach);
    const last = serviceObjects(services - 1, endpointsOf(services - 1, endpointsEach).slice(1));
    const states = [wantedOf(objects), wantedOf([...objects.slice(0, -2), ...last])] as const;
    await using machine = await startIpvsMachine();
    for (const [backend, loads] of Object.entries(servers)) {
      yield* inMachine(machine, backend, loads, states, services, options);
    }
  },
};

/**
 * Loads from an empty state take turns, each in a network of its own, so that other load of the machine affects both.
 */
async function* inMachine(
  machine: Machine,
  backend: string,
  loads: readonly FileLoad[],
  [all, less]: readonly [Target, Target],
  at: number,
  { rounds }: Chosen,
): AsyncGenerator<Figure> {
  const mode = await loadMode(backend);
  const files = mode.backend.make(all).files();
  const commands = loads.map(([name, file, ...args]) => ({ file, args, input: files.get(name) ?? '' }));
  const [floor, cold, change]: [Taken[], Taken[], Taken[]] = [[], [], []];
  /** When the last line of a cold start was in force, in ms after its beginning. A reading follows, which shows that all is. */
  const written: number[] = [];
  const counted: { readonly processes: number; readonly lines: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    {
      await using network = await machine.boot(loneNode);
      const { run, time } = meterOf(network.run('node'));
      floor.push(await time(() => runAll(run, commands)));
    }
    await using network = await machine.boot(loneNode);
    const { run, time } = meterOf(network.run('node'));
    let [processes, lines, lastWriteMs] = [0, 0, 0];
    const counting: Run = async (file, args, input = '') => {
      processes++;
      lines += input.split('\n').length - 1;
      const result = await run(file, args, input);
      if (input !== '') lastWriteMs = performance.now();
      return result;
    };
    const plane = planeIn(mode, counting);
    const beginMs = performance.now();
    cold.push(await time(() => plane.sync(all, 'full')));
    written.push(lastWriteMs - beginMs);
    const ways: readonly (readonly [Target, Target])[] = [
      [all, less],
      [less, all],
    ];
    for (const [from, to] of ways) {
      [processes, lines] = [0, 0];
      const since = { services: from.services, changes: changesBetween(from, to) };
      const sync = async () => {
        const { depth } = await plane.sync({ ...to, since }, 'delta');
        if (depth !== 'delta') throw new Error('a change became a full sync');
      };
      change.push(await time(sync));
      counted.push({ processes, lines });
      // A removed endpoint stays until its last connection ends, a little later.
      await plane.sync({ ...to, since: { services: to.services, changes: new Map() } }, 'delta');
    }
  }
  const about = { mode: `${backend}, ${machine.place}`, at };
  const base = { what: loads.map(([, tool]) => tool).join(' and '), samples: floor.map(({ ms }) => ms) };
  const wanted = 'at most 1.5 of the floor';
  yield { what: 'cold start, until all is in force', ...about, unit: 'ms', samples: written, floor: base, wanted };
  yield {
    what: 'cold start, until it is read back',
    ...about,
    unit: 'ms',
    samples: cold.map(({ ms }) => ms),
    floor: base,
  };
  yield { what: 'one endpoint changed', ...about, unit: 'ms', samples: change.map(({ ms }) => ms) };
  const each = { what: 'one endpoint changed', ...about };
  yield { ...each, unit: 'processes', samples: counted.map(({ processes }) => processes), wanted: 'at most 2' };
  yield { ...each, unit: 'lines', samples: counted.map(({ lines }) => lines), wanted: 'at most 4' };
}

/** The changes as the agent's table of Services reports them. */
function changesBetween(from: Target, to: Target) {
  const hashes = new Map(from.services.map(({ id, hash }) => [id, hash]));
  return new Map(to.services.filter(({ id, hash }) => hashes.get(id) !== hash).map((ir) => [ir.id, ir] as const));
}
