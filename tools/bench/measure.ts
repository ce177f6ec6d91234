import { defaultBackend } from '../../backends/index.ts';
import { readFileSync } from 'node:fs';
import type { Depth } from '../../backends/plane/plane.ts';
import { ownChains, planeOf } from '../../test/helpers/scope.ts';
import type { Run } from '../../backends/command.ts';
import { applyTarget } from '../../backends/iptables/live/apply.ts';
import { observe, observeAgain, type Observation } from '../../backends/netfilter/live/observation.ts';
import { bootNetwork } from '../../test/netns/network.ts';
import type { Chain } from '../../backends/netfilter/rule.ts';
import type { Isolation } from '../../test/netns/probe.ts';
import type { Compiled } from './cluster.ts';
import { chainsText, rawLoads } from './raw.ts';

export type Mode = 'nft' | 'legacy';

/**
 * ms      by the clock, which counts whatever else the machine does
 * cpuMs   of this process and the commands that it ran, which hardly does; in steps of 10 ms
 */
export interface Cost {
  readonly ms: number;
  readonly cpuMs: number;
}

/** refused: why it could not be done here. */
export type Measured = Cost | { readonly refused: string };

export interface ColdFigures {
  readonly whole: Measured;
  readonly staged: Measured;
  /** Plan, load, and the reading that shows that it is in force. */
  readonly apply: Measured;
  /** Of it, the reading. */
  readonly reading: Measured;
}

export interface ChangeFigures {
  /** The changed chain alone, by iptables-restore. */
  readonly raw: Cost;
  /** As an agent that remembers what it applied: made, planned and loaded. */
  readonly delta: Cost;
  /** As an agent that reads before and after. */
  readonly full: Cost;
}

/** Each load from an empty namespace of its own. */
export async function measureCold(mode: Mode, isolation: Isolation, compiled: Compiled): Promise<ColdFigures> {
  const raw = rawLoads(compiled.program, [...compiled.units.values()]);
  const load = (documents: readonly string[]) =>
    inNamespace(isolation, (run) => measure(() => loadAll(run, mode, documents)));
  return {
    staged: await load(raw.staged),
    ...(await inNamespace(isolation, async (run) => {
      const start = await observeMode(run, mode);
      let end = start;
      const apply = await measure(async () => {
        end = (await applyTarget(run, start, compiled.target, ownChains)).observed;
      });
      return { apply, reading: await measure(() => observeAgain(run, end, ownChains)) };
    })),
    whole: await load([raw.whole]),
  };
}

/**
 * One endpoint goes and comes back, `rounds` times; the mean of both ways. The three ways of doing
 * it take turns, so that what else the machine does falls on all of them.
 */
export async function measureChange(
  mode: Mode,
  isolation: Isolation,
  [all, less]: readonly [Compiled, Compiled],
  rounds: number,
): Promise<ChangeFigures> {
  return inNamespace(isolation, async (run) => {
    await observeMode(run, mode);
    const plane = planeOf(defaultBackend(), { run, nowMs: () => performance.now() });
    const sync = async ({ wanted }: Compiled, depth: Depth): Promise<void> => {
      const done = await plane.sync(wanted, depth);
      if (done.depth !== depth) throw new Error(`a ${depth} sync became a ${done.depth} one`);
    };
    await sync(all, 'full');
    const chains = [changedChain(less, all), changedChain(all, less)].map((chain) => chainsText([chain]));
    const [raw, delta, full] = [stopwatch(), stopwatch(), stopwatch()];
    for (let round = 0; round < rounds; round++) {
      for (const text of chains) await raw.time(() => loadAll(run, mode, [text]));
      for (const state of [less, all]) await delta.time(() => sync(state, 'delta'));
      // Reading takes long, and is not what this is about.
      if (round < 2) for (const state of [less, all]) await full.time(() => sync(state, 'full'));
    }
    return { raw: raw.mean(), delta: delta.mean(), full: full.mean() };
  });
}

/** The one chain that both programs have, and differently. */
function changedChain(to: Compiled, from: Compiled): Chain {
  const changed = [...to.program.chains].filter(([key, chain]) => {
    const other = from.program.chains.get(key);
    return other !== undefined && other.lines.join('\n') !== chain.lines.join('\n');
  });
  const [only] = changed;
  if (only === undefined || changed.length > 1) throw new Error(`${changed.length} chains change, not one`);
  return only[1];
}

async function loadAll(run: Run, mode: Mode, documents: readonly string[]): Promise<void> {
  for (const document of documents) {
    const { exitCode, stderr } = await run(`iptables-${mode}-restore`, ['--noflush', '-w', '5'], document);
    if (exitCode !== 0) throw new Error(stderr.split('\n')[0]);
  }
}

/** On an untouched node the machine chooses the mode; where rules are, they do. */
async function observeMode(run: Run, mode: Mode): Promise<Observation> {
  await run(`iptables-${mode}`, ['-A', 'INPUT', '-j', 'ACCEPT']);
  return observe(run, 'IPv4', ownChains);
}

export async function inNamespace<T>(isolation: Isolation, body: (run: Run) => Promise<T>): Promise<T> {
  await using network = await bootNetwork({ hosts: [{ name: 'node', role: 'router' }], wires: [] }, isolation);
  // Awaited here: the network ends with this block.
  return await body(network.run('node', 300_000));
}

export async function measure(action: () => Promise<unknown>): Promise<Measured> {
  const watch = stopwatch();
  try {
    await watch.time(action);
    return watch.mean();
  } catch (error) {
    return { refused: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error) };
  }
}

/** Adds up what actions cost. */
export function stopwatch() {
  let count = 0;
  let ms = 0;
  let cpuMs = 0;
  return {
    async time<T>(action: () => Promise<T>): Promise<T> {
      const start = { ms: performance.now(), cpuMs: cpuMsSoFar() };
      const result = await action();
      ms += performance.now() - start.ms;
      cpuMs += cpuMsSoFar() - start.cpuMs;
      count++;
      return result;
    },
    mean: (): Cost => ({ ms: ms / count, cpuMs: cpuMs / count }),
  };
}

/** proc(5): utime, stime, cutime and cstime, in hundredths of a second. Node has no call for a process's children. */
function cpuMsSoFar(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * 10, 0);
}
