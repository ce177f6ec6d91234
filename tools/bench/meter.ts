import { readFileSync } from 'node:fs';
import type { Run } from '../../backends/command.ts';
import { descendantsOf } from '../../test/netns/descendants.ts';

/**
 * What an action cost: of several, the middle one's time and the mean of the CPU.
 *
 * ms      by the clock, which counts whatever else the machine does; own: while no command ran
 * cpuMs   of this process (own) and the commands that it ran, which hardly does
 */
export interface Cost {
  readonly ms: number;
  readonly ownMs: number;
  readonly cpuMs: number;
  readonly ownCpuMs: number;
}

/** refused: why it could not be done here. */
export type Measured = Cost | { readonly refused: string };

export interface Stopwatch {
  /** times   how many actions it is, done one after another: the kernel counts the CPU of commands in steps of 10 ms */
  time<T>(action: () => Promise<T>, times?: number): Promise<T>;
  cost(): Cost;
}

/** A run whose commands are told apart from what this process does itself. */
export interface Meter {
  readonly run: Run;
  stopwatch(): Stopwatch;
  measure(action: () => Promise<unknown>): Promise<Measured>;
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

  function stopwatch(): Stopwatch {
    const samples: { readonly ms: number; readonly ownMs: number }[] = [];
    let count = 0;
    let cpuMs = 0;
    let ownCpuMs = 0;
    return {
      async time(action, times = 1) {
        const [start, commands, own, theirs] = [performance.now(), inCommandsMs(), ownCpu(), commandsCpu()];
        const result = await action();
        const ms = performance.now() - start;
        const ownPart = ownCpu() - own;
        samples.push({ ms: ms / times, ownMs: (ms - inCommandsMs() + commands) / times });
        ownCpuMs += ownPart;
        cpuMs += ownPart + commandsCpu() - theirs;
        count += times;
        return result;
      },
      cost: () => ({
        ms: middle(samples.map(({ ms }) => ms)),
        ownMs: middle(samples.map(({ ownMs }) => ownMs)),
        cpuMs: cpuMs / count,
        ownCpuMs: ownCpuMs / count,
      }),
    };
  }

  return {
    run,
    stopwatch,
    async measure(action) {
      const watch = stopwatch();
      try {
        await watch.time(action);
        return watch.cost();
      } catch (error) {
        return { refused: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error) };
      }
    },
  };
}

export function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2;
}

/**
 * How a cost grows with the size: the straight line through both on logarithmic scales. 0 is a cost that does not
 * grow, 1 one that grows as the size does. undefined where it needs two sizes, or a cost is nothing.
 */
export function slopeOf(points: readonly (readonly [size: number, cost: number])[]): number | undefined {
  const logs = points.map(([size, cost]) => [Math.log(size), Math.log(cost)] as const);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(logs.map(([size]) => size)), mean(logs.map(([, cost]) => cost))];
  const spread = logs.reduce((sum, [size]) => sum + (size - x) ** 2, 0);
  const slope = logs.reduce((sum, [size, cost]) => sum + (size - x) * (cost - y), 0) / spread;
  return Number.isFinite(slope) ? slope : undefined;
}

function ownCpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * CPU of all commands that have ended. They are children of the process that starts commands in the namespace, and count
 * as its children's once it has waited for them (proc(5): cutime and cstime, in hundredths of a second).
 */
function commandsCpu(): number {
  return [process.pid, ...descendantsOf(process.pid)].reduce((sum, pid) => sum + endedChildrenMs(pid), 0);
}

function endedChildrenMs(pid: number): number {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // It ended since it was listed, and counts as somebody's child from now on.
    return 0;
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(13, 15).reduce((sum, ticks) => sum + Number(ticks) * 10, 0);
}
