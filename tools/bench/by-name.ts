import type { Run } from '../../backends/command.ts';
import { loadMode, type Mode } from '../../backends/index.ts';
import { defaultDelayTimes } from '../../backends/plane/delays.ts';
import type { Target } from '../../backends/target.ts';
import { kubePrefix } from '../../compiler/settings.ts';
import type { Isolation } from '../../test/netns/probe.ts';
import { inNamespace } from './measure.ts';
import type { Measured } from './meter.ts';

/* A backend whose whole text one tool loads, measured against that tool. */

export interface NamedFigures {
  /** The text of the same rules, loaded by the tool. */
  readonly floor: Measured;
  /** Planned and loaded by an agent that knows nothing of the kernel yet. */
  readonly cold: Measured;
  /** The same once more: code that has run before runs faster. */
  readonly again: Measured;
  /** The document of one changed endpoint, by the tool. */
  readonly rawChange: Measured;
  /** The same by an agent that is told what changed. */
  readonly change: Measured;
}

/** Changes of one kind after another, so that the CPU of commands adds up to more than it is counted in. */
const changesInARow = 10;

/**
 * Each cold start is in an empty namespace of its own. The changes take turns, ten at a time.
 *
 * load   what loads the backend's text from standard input
 */
export async function measureNamed(
  name: string,
  load: readonly [string, ...string[]],
  isolation: Isolation,
  [all, less]: readonly [Target, Target],
  rounds: number,
): Promise<NamedFigures> {
  const mode = await loadMode(name);
  const [tool, ...args] = load;
  const loadText = async (run: Run, document: string) => {
    const { exitCode, stderr } = await run(tool, args, document);
    if (exitCode !== 0) throw new Error(stderr.split('\n')[0]);
  };
  const cold = await inNamespace(isolation, (run, { measure }) => measure(() => planeOf(mode, run).sync(all, 'full')));
  const text = mode.backend.make(all).text();
  const floor = await inNamespace(isolation, (run, { measure }) => measure(() => loadText(run, text)));
  return inNamespace(isolation, async (run, { stopwatch, measure }) => {
    const documents: string[] = [];
    const plane = planeOf(mode, async (file, words, input) => {
      if (file === tool && words.join() === args.join() && input !== undefined) documents.push(input);
      return run(file, words, input);
    });
    const again = await measure(() => plane.sync(all, 'full'));
    const ways = [
      { ...less, since: { services: all.services, changes: changesBetween(all, less) } },
      { ...all, since: { services: less.services, changes: changesBetween(less, all) } },
    ];
    const sync = async (target: Target) => {
      const { depth } = await plane.sync(target, 'delta');
      if (depth !== 'delta') throw new Error('a change became a full sync');
    };
    for (const way of ways) await sync(way);
    const back = documents.slice(-2);
    const [raw, own] = [stopwatch(), stopwatch()];
    const inARow =
      <T>(things: readonly T[], action: (thing: T) => Promise<void>) =>
      async () => {
        for (let i = 0; i < changesInARow; i++) for (const thing of things) await action(thing);
      };
    for (let round = 0; round < rounds; round++) {
      await raw.time(
        inARow(back, (document) => loadText(run, document)),
        changesInARow * back.length,
      );
      await own.time(inARow(ways, sync), changesInARow * ways.length);
    }
    return { floor, cold, again, rawChange: raw.cost(), change: own.cost() };
  });
}

function planeOf({ createPlane }: Mode, run: Run) {
  const scope = { family: 'IPv4', prefix: kubePrefix, takeOver: false, excludeCidrs: [] } as const;
  return createPlane({ run, scope, nowMs: () => performance.now(), delayTimes: defaultDelayTimes });
}

/** As the agent's table of Services tells it: of the last Service alone. */
export function changesBetween(from: Target, to: Target) {
  const hashes = new Map(from.services.map(({ id, hash }) => [id, hash]));
  return new Map(to.services.filter(({ id, hash }) => hashes.get(id) !== hash).map((ir) => [ir.id, ir] as const));
}
