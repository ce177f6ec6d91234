import type { Run } from '../../backends/command.ts';
import { loadMode, type Mode } from '../../backends/index.ts';
import { defaultDelayTimes } from '../../backends/plane/delays.ts';
import type { Target } from '../../backends/target.ts';
import { kubePrefix } from '../../compiler/settings.ts';
import type { Isolation } from '../../test/netns/probe.ts';
import { inNamespace, type Measured, measure, stopwatch } from './measure.ts';

/* A backend whose whole text one tool loads, measured against that tool. */

export interface NamedFigures {
  /** The text of the same rules, loaded by the tool. */
  readonly floor: Measured;
  /** Planned and loaded by an agent that knows nothing of the kernel yet. */
  readonly cold: Measured;
  /** The document of one changed endpoint, by the tool. */
  readonly rawChange: Measured;
  /** The same by an agent that is told what changed. */
  readonly change: Measured;
}

/** load   what loads the backend's text from standard input */
export async function measureNamed(
  name: string,
  load: readonly [string, ...string[]],
  isolation: Isolation,
  [all, less]: readonly [Target, Target],
  rounds: number,
): Promise<NamedFigures> {
  const mode = await loadMode(name);
  const text = mode.backend.make(all).text();
  const [tool, ...args] = load;
  const loadText = async (run: Run, document: string) => {
    const { exitCode, stderr } = await run(tool, args, document);
    if (exitCode !== 0) throw new Error(stderr.split('\n')[0]);
  };
  const floor = await inNamespace(isolation, (run) => measure(() => loadText(run, text)));
  return inNamespace(isolation, async (run) => {
    const documents: string[] = [];
    const plane = planeOf(mode, async (file, words, input) => {
      if (file === tool && words.join() === args.join() && input !== undefined) documents.push(input);
      return run(file, words, input);
    });
    const cold = await measure(() => plane.sync(all, 'full'));
    const changed = changesBetween(all, less);
    await plane.sync({ ...less, since: { services: all.services, changes: changed } }, 'delta');
    await plane.sync({ ...all, since: { services: less.services, changes: changesBetween(less, all) } }, 'delta');
    const back = documents.slice(-2);
    const [raw, own] = [stopwatch(), stopwatch()];
    for (let round = 0; round < rounds; round++) {
      for (const document of back) await raw.time(() => loadText(run, document));
      for (const [from, to] of [
        [all, less],
        [less, all],
      ] as const) {
        const since = { services: from.services, changes: changesBetween(from, to) };
        await own.time(() => plane.sync({ ...to, since }, 'delta'));
      }
    }
    return { floor, cold, rawChange: raw.mean(), change: own.mean() };
  });
}

function planeOf({ createPlane }: Mode, run: Run) {
  const scope = { family: 'IPv4', prefix: kubePrefix, takeOver: false, excludeCidrs: [] } as const;
  return createPlane({ run, scope, nowMs: () => performance.now(), delayTimes: defaultDelayTimes });
}

/** As the agent's table of Services tells it: of the last Service alone. */
function changesBetween(from: Target, to: Target) {
  const hashes = new Map(from.services.map(({ id, hash }) => [id, hash]));
  return new Map(to.services.filter(({ id, hash }) => hashes.get(id) !== hash).map((ir) => [ir.id, ir] as const));
}
