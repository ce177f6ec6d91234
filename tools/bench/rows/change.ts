import { parseRegistry } from '../../../agent/input/registry.ts';
import type { FamilySync } from '../../../backends/plane/plane.ts';
import type { Figure } from '../figures.ts';
import { figuresOf, inNamespace, type Meter, type Taken } from '../meter.ts';
import { type BenchMode, type Command, runAll } from '../modes.ts';
import { east, endpointsOf, fanIn, registryObject, serviceObjects, withTenthElsewhere } from '../objects.ts';
import { bringUp, type LiveNode } from './live-node.ts';
import { type Chosen, endpointsEach, type Row } from './row.ts';

/**
 * Several changes of one kind one after another, so that the CPU of commands exceeds the unit in which it is counted.
 */
const inARow = 10;
const wanted = 'at most 2 of the floor';

export const changeRow: Row = {
  name: 'change',
  about:
    'one change, from its object to the kernel, on a node with 5 endpoints a Service, a tenth of them of another cluster',
  axis: 'Services',
  sizes: [100, 1_000, 5_000],
  async *measure(services, options) {
    for (const mode of options.modes) yield* changed(services, mode, options);
  },
};

/** Read directly from all clusters. */
export const fanInRow: Row = fanInOf(500);

export function fanInOf(services: number): Row {
  return {
    name: 'fan-in',
    about: `one cluster of so many is lost: ${services} Services with 5 endpoints in each cluster`,
    axis: 'clusters',
    sizes: [2, 5, 10, 20],
    async *measure(clusters, { modes, isolation, rounds }) {
      const objects = fanIn({ services, endpointsEach, clusters });
      for (const mode of modes) {
        yield* await inNamespace(isolation, async (meter) => {
          const node = await bringUp(mode, meter.run, objects, registryOf(clusters, 'alive'));
          return lostCluster(node, meter, { mode: mode.name, at: clusters }, clusters, rounds);
        });
      }
    },
  };
}

async function* changed(size: number, mode: BenchMode, { rounds, isolation }: Chosen): AsyncGenerator<Figure> {
  yield* await inNamespace(isolation, async (meter) => {
    const node = await bringUp(mode, meter.run, withTenthElsewhere(size), registryOf(1, 'alive'));
    const about = { mode: mode.name, at: size };
    // Services with even numbers have all their endpoints in the local cluster.
    const numbers = Array.from({ length: inARow }, (_, i) => 2 * Math.floor((i * size) / inARow / 2));
    const withEndpoints = (count: number) => async () => {
      for (const i of numbers) {
        const [, slice] = serviceObjects(i, endpointsOf(i, endpointsEach).slice(0, count));
        await node.tell([{ object: slice, gone: false }]);
      }
    };
    const others = (gone: boolean) => async () => {
      for (let i = size; i < size + inARow; i++) {
        const objects = serviceObjects(i, endpointsOf(i, endpointsEach));
        await node.tell(objects.map((object) => ({ object, gone })));
      }
    };
    const endpoint = await backAndForth(
      meter,
      node,
      withEndpoints(endpointsEach - 1),
      withEndpoints(endpointsEach),
      rounds,
    );
    const service = await backAndForth(meter, node, others(false), others(true), rounds);
    return [
      ...figuresOf({ what: 'one endpoint changed', ...about, wanted }, [...endpoint.forth, ...endpoint.back], {
        what: 'the same documents',
        taken: [...endpoint.floor.forth, ...endpoint.floor.back],
      }),
      ...figuresOf({ what: 'one Service added', ...about, wanted }, service.forth, {
        what: 'the same documents',
        taken: service.floor.forth,
      }),
      ...figuresOf({ what: 'one Service removed', ...about, wanted }, service.back, {
        what: 'the same documents',
        taken: service.floor.back,
      }),
      ...(await lostCluster(node, meter, about, 1, rounds)),
    ];
  });
}

async function lostCluster(
  node: LiveNode,
  meter: Meter,
  about: Pick<Figure, 'mode' | 'at'>,
  clusters: number,
  rounds: number,
): Promise<Figure[]> {
  const syncs: FamilySync[] = [];
  const [lost, alive] = [registryOf(clusters, 'lost'), registryOf(clusters, 'alive')];
  const lose = async () => void syncs.push(await node.register(lost));
  const { forth, floor } = await backAndForth(meter, node, lose, () => node.register(alive), rounds, 1);
  return [
    ...figuresOf({ what: 'one cluster lost', ...about, wanted }, forth, {
      what: 'the same documents',
      taken: floor.forth,
    }),
    {
      what: 'one cluster lost: documents',
      ...about,
      unit: 'documents',
      samples: syncs.map(({ documents }) => documents),
    },
    { what: 'one cluster lost: lines', ...about, unit: 'lines', samples: syncs.map(({ lines }) => lines) },
  ];
}

interface Ways<T> {
  readonly forth: readonly T[];
  readonly back: readonly T[];
}

/**
 * A change and its opposite, by slicewright and then by bare tools, which get the documents that slicewright wrote.
 * They take turns, so that other load of the machine affects both. The first round is not measured: it records the
 * documents.
 */
async function backAndForth(
  { run, time }: Meter,
  node: LiveNode,
  forth: () => Promise<unknown>,
  back: () => Promise<unknown>,
  rounds: number,
  times = inARow,
): Promise<Ways<Taken> & { readonly floor: Ways<Taken> }> {
  const commandsOf = async (way: () => Promise<unknown>): Promise<readonly Command[]> => {
    node.takeCommands();
    await way();
    return node.takeCommands();
  };
  const documents = { forth: await commandsOf(forth), back: await commandsOf(back) };
  const [own, floor] = [
    { forth: [] as Taken[], back: [] as Taken[] },
    { forth: [] as Taken[], back: [] as Taken[] },
  ];
  for (let round = 0; round < rounds; round++) {
    own.forth.push(await time(forth, times));
    own.back.push(await time(back, times));
    floor.forth.push(await time(() => runAll(run, documents.forth), times));
    floor.back.push(await time(() => runAll(run, documents.back), times));
  }
  return { ...own, floor };
}

function registryOf(clusters: number, first: 'alive' | 'lost') {
  return parseRegistry(registryObject(clusters, first === 'lost' ? [east] : []), 'the bench registry');
}
