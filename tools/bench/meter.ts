import { readFileSync } from 'node:fs';
import type { Run } from '../../backends/command.ts';
import { descendantsOf } from '../../test/netns/descendants.ts';
import { bootNetwork } from '../../test/netns/network.ts';
import type { Isolation } from '../../test/netns/probe.ts';
import type { Figure } from './figures.ts';

/**
 * The cost of one action.
 *
 * ms         by the clock, which also counts other work of the machine
 * commandsMs the part of it during which at least one command ran
 * ownCpuMs   of this process; commandsCpuMs is that of the commands that it ran
 */
export interface Taken {
  readonly ms: number;
  readonly commandsMs: number;
  readonly ownCpuMs: number;
  readonly commandsCpuMs: number;
}

/** A run that measures commands separately from this process's own work. */
export interface Meter {
  readonly run: Run;
  /** times   how many actions run, one after another: the kernel counts the CPU of commands in steps of 10 ms */
  time(action: () => Promise<unknown>, times?: number): Promise<Taken>;
}

export function meterOf(real: Run): Meter {
  let running = 0;
  let since = 0;
  let commandsMs = 0;

  /** For how long at least one command ran so far. */
  const inCommandsMs = () => commandsMs + (running > 0 ? performance.now() - since : 0);

  async function run(...call: Parameters<Run>): ReturnType<Run> {
    if (running++ === 0) since = performance.now();
    try {
      return await real(...call);
    } finally {
      if (--running === 0) commandsMs += performance.now() - since;
    }
  }

  return {
    run,
    async time(action, times = 1) {
      const [start, commands, own, theirs] = [performance.now(), inCommandsMs(), ownCpu(), commandsCpu()];
      await action();
      const ms = performance.now() - start;
      const ownCpuMs = ownCpu() - own;
      return {
        ms: ms / times,
        commandsMs: (inCommandsMs() - commands) / times,
        ownCpuMs: ownCpuMs / times,
        commandsCpuMs: (commandsCpu() - theirs) / times,
      };
    },
  };
}

/** A separate namespace, which ends with the body. */
export async function inNamespace<T>(isolation: Isolation, body: (meter: Meter) => Promise<T>): Promise<T> {
  await using network = await bootNetwork({ hosts: [{ name: 'node', role: 'router' }], wires: [] }, isolation);
  // Awaited here: the network ends with this block.
  return await body(meterOf(network.run('node', 300_000)));
}

/** The measured costs as figures: the clock, and the CPU of slicewright and of the tools that it ran. */
export function figuresOf(
  about: Pick<Figure, 'what' | 'mode' | 'at' | 'wanted'>,
  taken: readonly Taken[],
  floor?: { readonly what: string; readonly taken: readonly Taken[] },
): Figure[] {
  const { what, mode, at } = about;
  const tools = {
    ...{ what: `${what}: CPU of tools`, mode, at, unit: 'CPU ms' as const },
    samples: taken.map(({ commandsCpuMs }) => commandsCpuMs),
  };
  const own = { what: `${what}: its own CPU`, mode, at, unit: 'CPU ms' as const };
  return [
    {
      ...about,
      unit: 'ms',
      samples: taken.map(({ ms }) => ms),
      ...(floor && { floor: { what: floor.what, samples: floor.taken.map(({ ms }) => ms) } }),
    },
    { ...own, samples: taken.map(({ ownCpuMs }) => ownCpuMs) },
    floor === undefined
      ? tools
      : { ...tools, floor: { what: floor.what, samples: floor.taken.map(({ commandsCpuMs }) => commandsCpuMs) } },
  ];
}

function ownCpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * CPU of all commands that have ended. They are children of the process that starts commands in the namespace, and
 * count among its children's CPU once that process has waited for them (proc(5): cutime and cstime, in hundredths of a
 * second).
 */
function commandsCpu(): number {
  return [process.pid, ...descendantsOf(process.pid)].reduce((sum, pid) => sum + endedChildrenMs(pid), 0);
}

function endedChildrenMs(pid: number): number {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // It ended after it was listed, and now counts among the children of its parent.
    return 0;
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(13, 15).reduce((sum, ticks) => sum + Number(ticks) * 10, 0);
}
