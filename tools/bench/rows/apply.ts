import { loadMode } from '../../../backends/index.ts';
import { wantedOf } from '../cluster.ts';
import type { Figure } from '../figures.ts';
import { clusterObjects, endpointsOf, serviceObjects } from '../objects.ts';
import { figuresOf, inNamespace, type Taken } from '../meter.ts';
import { type BenchMode, planeIn, runAll, scope } from '../modes.ts';
import { type Chosen, endpointsEach, type Row } from './row.ts';

/** Each cold start, and each floor, begins in an empty namespace of its own. */
export const applyRow: Row = {
  name: 'apply',
  about: 'Service ports to a kernel: an empty one, and one that already has them; 5 endpoints each',
  axis: 'Services',
  sizes: [100, 1_000, 5_000],
  async *measure(services, options) {
    for (const mode of options.modes) yield* applied(services, mode, options);
  },
};

/** The actions on a kernel, in this order. */
const actions = ['cold', 'observe', 'plan', 'meaning', 'nothing'] as const;

async function* applied(size: number, mode: BenchMode, { rounds, isolation }: Chosen): AsyncGenerator<Figure> {
  const objects = clusterObjects(size, endpointsEach);
  const all = wantedOf(objects);
  const last = serviceObjects(size - 1, endpointsOf(size - 1, endpointsEach).slice(1));
  const less = wantedOf([...objects.slice(0, -2), ...last]);
  const loaded = await loadMode(mode.backend);
  const commands = await mode.floor.of(all);
  const floor: Taken[] = [];
  const taken: Record<(typeof actions)[number], Taken[]> = {
    cold: [],
    observe: [],
    plan: [],
    meaning: [],
    nothing: [],
  };

  for (let round = 0; round < rounds; round++) {
    await inNamespace(isolation, async ({ run, time }) => {
      floor.push(await time(() => runAll(run, commands)));
    });
    await inNamespace(isolation, async ({ run, time }) => {
      if (mode.choose !== undefined) await runAll(run, [mode.choose]);
      taken.cold.push(await time(() => planeIn(loaded, run).sync(all, 'full')));
      let kernel: Awaited<ReturnType<typeof loaded.live.observe>>;
      taken.observe.push(await time(async () => (kernel = await loaded.live.observe(run, scope, true))));
      const plan = () => kernel!.plan(less, { before: undefined, isToBeApplied: true });
      let planned: ReturnType<typeof plan>;
      taken.plan.push(await time(async () => (planned = plan()).steps()));
      taken.meaning.push(await time(async () => planned.changes()));
      const again = planeIn(loaded, run);
      taken.nothing.push(
        await time(async () => {
          const { documents } = await again.sync(all, 'full');
          if (documents > 0) throw new Error('a kernel that was right was written to');
        }),
      );
    });
  }
  const about = (what: string, wanted?: string) => ({ what, mode: mode.name, at: size, ...(wanted && { wanted }) });
  const reading = { what: 'the tools that read', taken: taken.observe.map(onlyCommands) };
  yield* figuresOf(about('cold start', mode.wanted), taken.cold, { what: mode.floor.what, taken: floor });
  yield* figuresOf(about('observe'), taken.observe, reading);
  yield* figuresOf(about('full sync of a kernel that is right', 'at most 1.3 of the floor'), taken.nothing, reading);
  yield own(about('plan of one endpoint against the full kernel'), taken.plan);
  yield own(about('what that plan means for clients'), taken.meaning);
}

/** For an action that runs no command. */
function own(about: Pick<Figure, 'what' | 'mode' | 'at'>, taken: readonly Taken[]): Figure {
  return { ...about, unit: 'CPU ms', samples: taken.map(({ ownCpuMs }) => ownCpuMs) };
}

function onlyCommands({ commandsMs, commandsCpuMs }: Taken): Taken {
  return { ms: commandsMs, commandsMs, ownCpuMs: 0, commandsCpuMs };
}
