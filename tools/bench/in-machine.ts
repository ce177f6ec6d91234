import type { Run } from '../../backends/command.ts';
import { loadMode } from '../../backends/index.ts';
import { defaultDelayTimes } from '../../backends/plane/delays.ts';
import type { Target } from '../../backends/target.ts';
import { kubePrefix } from '../../compiler/settings.ts';
import type { Machine } from '../../test/vm/machine.ts';
import { loneNode } from '../../test/vm/network.ts';
import { changesBetween } from './by-name.ts';
import { type Measured, meterOf } from './meter.ts';

/* A backend for a kernel that has IPVS: where this machine's has none, in an emulated one. There, time alone counts. */

/** What loads one of the files that `compile --out` writes, by its name. */
export type FileLoad = readonly [file: string, tool: string, ...args: string[]];

/** What commands took part in something, beside the time. */
export interface Counted {
  readonly processes: number;
  readonly lines: number;
}

export interface ServerFigures {
  /** The same entries, loaded by the tools. */
  readonly floor: Measured;
  readonly cold: Measured;
  /** One endpoint more or less. */
  readonly change: Measured;
  /** The most that one of these changes took. */
  readonly counted: Counted;
}

/** Loads from nothing take turns, each in a network of its own: the load of a busy machine meets both. */
export async function measureServers(
  machine: Machine,
  name: string,
  loads: readonly FileLoad[],
  [all, less]: readonly [Target, Target],
  rounds: number,
): Promise<ServerFigures> {
  const { backend, createPlane } = await loadMode(name);
  const files = backend.make(all).files();
  const planeOf = (watched: Run) =>
    createPlane({
      run: watched,
      scope: { family: 'IPv4', prefix: kubePrefix, takeOver: false, excludeCidrs: [] },
      nowMs: () => performance.now(),
      delayTimes: defaultDelayTimes,
    });
  let inside: Run | undefined;
  const { run, stopwatch } = meterOf((...call) => {
    if (inside === undefined) throw new Error('there is no network to run it in');
    return inside(...call);
  });
  const [floor, cold, change] = [stopwatch(), stopwatch(), stopwatch()];
  const load = async (file: string, args: readonly string[], text = '') => {
    const { exitCode, stderr } = await run(file, args, text);
    if (exitCode !== 0) throw new Error(stderr.split('\n')[0]);
  };
  const inNetwork = async (action: () => Promise<void>) => {
    await using network = await machine.boot(loneNode);
    inside = network.run('node');
    await action();
  };
  let most: Counted = { processes: 0, lines: 0 };
  for (let round = 0; round < rounds; round++) {
    await inNetwork(() =>
      floor.time(async () => {
        for (const [file, tool, ...args] of loads) await load(tool, args, files.get(file));
      }),
    );
    await inNetwork(async () => {
      let now: Counted = { processes: 0, lines: 0 };
      const plane = planeOf((file, args, input = '') => {
        now = { processes: now.processes + 1, lines: now.lines + input.split('\n').length - 1 };
        return run(file, args, input);
      });
      await cold.time(() => plane.sync(all, 'full'));
      for (const [from, to] of [
        [all, less],
        [less, all],
      ] as const) {
        now = { processes: 0, lines: 0 };
        const since = { services: from.services, changes: changesBetween(from, to) };
        const { depth } = await change.time(() => plane.sync({ ...to, since }, 'delta'));
        if (depth !== 'delta') throw new Error('a change became a full sync');
        most = { processes: Math.max(most.processes, now.processes), lines: Math.max(most.lines, now.lines) };
        // What leaves goes with its last connection, a little later.
        await plane.sync({ ...to, since: { services: to.services, changes: new Map() } }, 'delta');
      }
    });
  }
  return { floor: floor.cost(), cold: cold.cost(), change: change.cost(), counted: most };
}
