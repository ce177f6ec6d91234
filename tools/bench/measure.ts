import { defaultBackend } from '../../backends/index.ts';
import type { Depth } from '../../backends/plane/plane.ts';
import { ownChains, planeOf } from '../../test/helpers/scope.ts';
import type { Run } from '../../backends/command.ts';
import { applyTarget } from '../../backends/iptables/live/apply.ts';
import { observe, observeAgain, type Observation } from '../../backends/netfilter/live/observation.ts';
import { bootNetwork } from '../../test/netns/network.ts';
import type { Chain } from '../../backends/netfilter/rule.ts';
import type { Isolation } from '../../test/netns/probe.ts';
import type { Compiled } from './cluster.ts';
import { type Cost, type Measured, type Meter, meterOf } from './meter.ts';
import { chainsText, rawLoads } from './raw.ts';

export type Mode = 'nft' | 'legacy';

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
    inNamespace(isolation, (run, { measure }) => measure(() => loadAll(run, mode, documents)));
  return {
    staged: await load(raw.staged),
    ...(await inNamespace(isolation, async (run, { measure }) => {
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
 * One endpoint goes and comes back, `rounds` times. The three ways of doing
 * it take turns, so that what else the machine does falls on all of them.
 */
export async function measureChange(
  mode: Mode,
  isolation: Isolation,
  [all, less]: readonly [Compiled, Compiled],
  rounds: number,
): Promise<ChangeFigures> {
  return inNamespace(isolation, async (run, { stopwatch }) => {
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
    return { raw: raw.cost(), delta: delta.cost(), full: full.cost() };
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

export async function inNamespace<T>(isolation: Isolation, body: (run: Run, meter: Meter) => Promise<T>): Promise<T> {
  await using network = await bootNetwork({ hosts: [{ name: 'node', role: 'router' }], wires: [] }, isolation);
  const meter = meterOf(network.run('node', 300_000));
  // Awaited here: the network ends with this block.
  return await body(meter.run, meter);
}
