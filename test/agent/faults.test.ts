import { afterEach, describe, expect, it } from 'vitest';
import { createFakeKernel, type FakeKernel } from '../../backends/netfilter/fake-kernel.ts';
import { compile } from '../../compiler/index.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { parseRegistry } from '../../agent/registry.ts';
import type { Source } from '../../agent/sources/source.ts';
import { type ApiDouble, startApiDouble } from '../apiserver/double.ts';
import { memberSettings } from '../packets/program.ts';
import { type Manifest, node, service, slices } from '../packets/objects.ts';
import { type FieldAgent, type FieldOptions, startFieldAgent } from './field.ts';
import { differences } from './in-force.ts';
import { eventually } from '../helpers/eventually.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A cluster's API server with a node and the Service test/cart, and what it holds. */
async function cluster(...more: readonly Manifest[]) {
  const double = await startApiDouble();
  closers.push(() => double.close());
  const held = new Map<string, Manifest>();
  const keyOf = (object: Manifest) => JSON.stringify([object['kind'], (object['metadata'] as { name: string }).name]);
  const put = (...objects: readonly Manifest[]): void => {
    for (const object of objects) {
      held.set(keyOf(object), object);
      double.apply(object as never);
    }
  };
  put(node, ...cart('10.12.0.6'), ...more);
  return {
    double,
    put,
    remove(object: Manifest): void {
      held.delete(keyOf(object));
      const { namespace, name } = object['metadata'] as { readonly namespace?: string; readonly name: string };
      double.remove(String(object['kind']), namespace, name);
    },
    objects: () => [...held.values()],
  };
}

function cart(...endpoints: readonly string[]): Manifest[] {
  return service('cart', { clusterIPs: ['10.13.0.1'], port: 80, endpoints, endpointPort: 8080 });
}

function start(own: ApiDouble | Source, kernel: FakeKernel, options: Partial<FieldOptions> = {}): FieldAgent {
  const agent = startFieldAgent({
    run: kernel.run,
    own,
    nodeName: 'member2-node',
    settings: memberSettings,
    ...options,
  });
  closers.push(() => agent.stop());
  return agent;
}

function differencesOf(
  kernel: FakeKernel,
  objects: readonly Manifest[],
  others: Record<string, readonly Manifest[]> = {},
) {
  const compilation = compile({
    clusters: [
      { cluster: undefined, objects },
      ...Object.entries(others).map(([name, own]) => ({ cluster: name as ClusterName, objects: own })),
    ],
    settings: memberSettings,
    nodeName: 'member2-node',
    localAddresses: undefined,
  });
  return differences(kernel.run, compilation);
}

async function converges(kernel: FakeKernel, objects: () => readonly Manifest[]): Promise<void> {
  await eventually(async () => expect(await differencesOf(kernel, objects())).toEqual([]));
}

const failing = (agent: FieldAgent) => agent.metric('slicewright_source_failing', 'source_cluster="local"');
const said = (agent: FieldAgent) => agent.log.map(({ message }) => message).join('\n');

interface Fault {
  readonly name: string;
  begin(double: ApiDouble): void;
  /** What the log says of it. */
  readonly says: RegExp;
}

/** Faults of an API server that let nothing new through. */
const blinding: readonly Fault[] = [
  {
    name: 'is away',
    begin: (double) => {
      double.faults = { beforeAnswer: (_url, response) => void response.destroy() };
      double.cutStreams();
    },
    says: /cannot be read: socket hang up/,
  },
  {
    name: 'no longer takes our token',
    begin: (double) => {
      double.tokens.clear();
      double.cutStreams();
    },
    says: /cannot be read: 401 Unauthorized/,
  },
  {
    name: 'refuses slices (RBAC)',
    begin: (double) => {
      double.faults = { forbidden: ['endpointslices'] };
      double.cutStreams();
    },
    says: /cannot be read: 403 .*endpointslices/,
  },
  {
    name: 'answers 410 to everything',
    begin: (double) => {
      double.faults = {
        beforeAnswer: (_url, response) => {
          response.writeHead(410, { 'content-type': 'application/json' });
          response.end(JSON.stringify({ kind: 'Status', code: 410, reason: 'Expired', message: 'too old' }));
        },
      };
      double.cutStreams();
    },
    says: /cannot be read: 410 too old/,
  },
  {
    name: 'answers what is no JSON',
    begin: (double) => {
      double.faults = { beforeAnswer: (_url, response) => void response.writeHead(200).end('<html>') };
      double.cutStreams();
    },
    says: /cannot be read: the answer is not JSON/,
  },
];

describe.each(blinding)('an API server that $name', ({ begin, says }) => {
  it('leaves the last program in force, and news comes in when it is well again', async () => {
    const east = await cluster();
    const kernel = createFakeKernel();
    const agent = start(east.double, kernel);
    await converges(kernel, east.objects);
    const before = east.objects();
    begin(east.double);
    east.put(...cart('10.12.0.7', '10.12.0.8'));
    await eventually(() => expect(said(agent)).toMatch(says));
    await eventually(async () => expect(await failing(agent)).toBeGreaterThan(0));
    expect(await differencesOf(kernel, before)).toEqual([]);

    east.double.faults = {};
    east.double.tokens.set('secret', 'system:agent');
    await converges(kernel, east.objects);
    await eventually(async () => expect(await failing(agent)).toBe(0));
  });

  it('at the start leaves what an earlier agent left', async () => {
    const east = await cluster();
    const kernel = createFakeKernel();
    const first = start(east.double, kernel);
    await converges(kernel, east.objects);
    await first.stop();
    const before = east.objects();
    begin(east.double);
    east.put(...cart('10.12.0.7'));
    const second = start(east.double, kernel);
    await eventually(() => expect(said(second)).toMatch(says));
    expect(said(second)).toContain('nothing is written yet');
    expect(await differencesOf(kernel, before)).toEqual([]);

    east.double.faults = {};
    east.double.tokens.set('secret', 'system:agent');
    await converges(kernel, east.objects);
  });
});

/** Faults that news gets through, late or in another form. */
const disturbing: readonly (Omit<Fault, 'says'> & { readonly again?: boolean })[] = [
  { name: 'cuts every stream', begin: (double) => double.cutStreams(), again: true },
  {
    name: 'forgets its history again and again',
    begin: (double) => {
      double.store.compact();
      double.cutStreams();
    },
    again: true,
  },
  {
    name: 'cuts a stream in the middle of an event',
    begin: (double) => {
      let cuts = 0;
      double.faults = {
        onEventLine: (line, response) => {
          if (++cuts % 3 !== 0) return void response.write(line);
          response.write(line.slice(0, line.length / 2));
          setTimeout(() => response.destroy(), 5);
        },
      };
    },
  },
  {
    name: 'tells every event twice',
    begin: (double) => {
      double.faults = { onEventLine: (line, response) => void response.write(line + line) };
    },
  },
  {
    name: 'tells events slowly, a few bytes at a time',
    begin: (double) => {
      const queues = new Map<object, Promise<unknown>>();
      double.faults = {
        onEventLine: (line, response) => {
          const parts = line.match(/[^]{1,200}/g) ?? [];
          const before = queues.get(response) ?? Promise.resolve();
          const after = parts.reduce(
            (turn, part) =>
              turn.then(() => new Promise((resolve) => setTimeout(resolve, 2))).then(() => response.write(part)),
            before,
          );
          queues.set(response, after);
        },
      };
    },
  },
  {
    name: 'sends bookmarks all the time',
    begin: (double) => {
      double.faults = { bookmarkMs: 5 };
      double.cutStreams();
    },
  },
  {
    name: 'stalls: streams stay open and bring nothing',
    begin: (double) => {
      double.faults = { onEventLine: () => {}, bookmarkMs: 60_000 };
      // After a while the watch is given up and opened anew; then the server is well.
      setTimeout(() => (double.faults = {}), 500);
    },
  },
];

it.each(disturbing)('an API server that $name loses nothing', async ({ begin, again }) => {
  const east = await cluster();
  const kernel = createFakeKernel();
  const agent = start(east.double, kernel, { reflector: { idleMs: 400 } });
  await converges(kernel, east.objects);
  begin(east.double);
  for (let i = 0; i < 20; i++) {
    east.put(...cart(`10.12.0.${6 + (i % 4)}`));
    if (i % 5 === 0) {
      east.put(
        ...service(`shop-${i}`, { clusterIPs: [`10.13.0.${10 + i}`], port: 80, endpoints: [], endpointPort: 1 }),
      );
    }
    if (again === true) begin(east.double);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await converges(kernel, east.objects);
  expect(agent.of('sync-failed')).toEqual([]);
});

describe('another cluster', () => {
  const exported = {
    apiVersion: 'multicluster.x-k8s.io/v1alpha1',
    kind: 'ServiceExport',
    metadata: { name: 'cart', namespace: 'test' },
  };

  it('that is half read at the start is not taken for all of it', async () => {
    const [own, west] = [await cluster(), await cluster()];
    west.double.installed.add('multicluster.x-k8s.io');
    west.put(exported, ...cart('10.10.0.6'));
    const kernel = createFakeKernel();
    const others = { member1: west.double };
    const earlier = start(own.double, kernel, { others });
    const all = () => differencesOf(kernel, own.objects(), { member1: west.objects() });
    await eventually(async () => expect(await all()).toEqual([]));
    expect(kernel.save('IPv4')).toContain('10.10.0.6');
    await earlier.stop();

    west.double.faults = { forbidden: ['endpointslices'] };
    const agent = start(own.double, kernel, { others });
    await eventually(() => expect(agent.of('waiting').at(-1)?.for.join()).toContain('EndpointSlice'));
    expect(kernel.save('IPv4')).toContain('10.10.0.6');
    west.double.faults = {};
    await eventually(() => expect(agent.of('synced').length).toBeGreaterThan(1));
    expect(await all()).toEqual([]);
  });

  it('that is lost later keeps its endpoints, and the own cluster goes on', async () => {
    const [own, west] = [await cluster(), await cluster()];
    west.double.installed.add('multicluster.x-k8s.io');
    west.put(exported, ...cart('10.10.0.6'));
    const kernel = createFakeKernel();
    const agent = start(own.double, kernel, { others: { member1: west.double } });
    const all = () => differencesOf(kernel, own.objects(), { member1: west.objects() });
    await eventually(async () => expect(await all()).toEqual([]));
    west.double.faults = { beforeAnswer: (_url, response) => void response.destroy() };
    west.double.cutStreams();
    own.put(...cart('10.12.0.8'));
    await eventually(async () => expect(await all()).toEqual([]));
    await eventually(async () =>
      expect(await agent.metric('slicewright_source_failing', 'source_cluster="member1"')).toBeGreaterThan(0),
    );
    expect(await failing(agent)).toBe(0);
  });
});

it('a registered cluster that is lost has its endpoints dropped, where the registry says so, and gets them back', async () => {
  const exported = {
    apiVersion: 'multicluster.x-k8s.io/v1alpha1',
    kind: 'ServiceExport',
    metadata: { name: 'cart', namespace: 'test' },
  };
  const [own, west] = [await cluster(), await cluster()];
  west.double.installed.add('multicluster.x-k8s.io');
  west.put(exported, ...cart('10.10.0.6'));
  const kernel = createFakeKernel();
  const registry = parseRegistry(
    {
      apiVersion: 'slicewright.dev/v1alpha1',
      kind: 'ClusterRegistry',
      clusters: [
        { id: 'member2', self: true },
        { id: 'member1', onLost: 'drop' },
      ],
    },
    'registry.yaml',
  );
  const agent = start(own.double, kernel, {
    others: { member1: west.double },
    registry,
    leases: { durationMs: 200, graceMs: 200, settleMs: 200, lookMs: 20 },
  });
  await eventually(() => expect(kernel.save('IPv4')).toContain('10.10.0.6'));
  west.double.faults = { beforeAnswer: (_url, response) => void response.destroy() };
  west.double.cutStreams();
  await eventually(() => expect(kernel.save('IPv4')).not.toContain('10.10.0.6'));
  expect(kernel.save('IPv4')).toContain('10.12.0.6');
  west.double.faults = {};
  await eventually(() => expect(kernel.save('IPv4')).toContain('10.10.0.6'));
  expect(agent.of('lease').map(({ state }) => state)).toEqual(['Alive', 'Suspect', 'Lost', 'Alive']);
});

it('an object of 1 MB is an object like others', async () => {
  const east = await cluster();
  const kernel = createFakeKernel();
  start(east.double, kernel);
  await converges(kernel, east.objects);
  const [big] = slices('cart', ['10.12.0.9'], 8080);
  const metadata = big?.['metadata'] as Manifest;
  east.put({ ...big, metadata: { ...metadata, annotations: { note: 'x'.repeat(1_000_000) } } });
  await converges(kernel, east.objects);
});

it('10,000 objects in random order end as from nothing', async () => {
  const services = Array.from({ length: 5_000 }, (_, i) =>
    service(`s${i}`, {
      clusterIPs: [`10.13.${1 + Math.floor(i / 250)}.${1 + (i % 250)}`],
      port: 80,
      endpoints: [`10.12.${Math.floor(i / 250)}.${1 + (i % 250)}`],
      endpointPort: 8080,
    }),
  ).flat();
  const all = [node, ...services];
  // Every 37th of them first, then every 37th of the rest: no order that anyone would choose.
  const shuffled = Array.from({ length: 37 }, (_, k) => all.filter((_object, i) => i % 37 === (k * 11) % 37)).flat();
  const kernel = createFakeKernel();
  const own: Source = {
    cluster: undefined,
    from: 'a test',
    async run(sink) {
      sink.state('everything', { kind: 'starting' });
      for (let from = 0; from < shuffled.length; from += 2_500) {
        const some = shuffled.slice(from, from + 2_500);
        sink.change(some.map((object) => ({ cluster: undefined, object, gone: false })));
        if (from === 0) sink.state('everything', { kind: 'live' });
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
  const agent = start(own, kernel);
  const ports = () => agent.of('synced').findLast(({ family }) => family === 'IPv4')?.services.length;
  await eventually(() => expect(ports()).toBe(5_000));
  expect(await differencesOf(kernel, shuffled)).toEqual([]);
  expect(agent.of('sync-failed')).toEqual([]);
}, 120_000);

it('a wall clock that jumps changes nothing', async () => {
  const east = await cluster();
  const kernel = createFakeKernel();
  let offMs = 0;
  const agent = start(east.double, kernel, { wallMs: () => Date.now() + offMs });
  await converges(kernel, east.objects);
  for (const jump of [3_600_000, -7_200_000]) {
    offMs = jump;
    east.put(...cart(`10.12.0.${jump > 0 ? 7 : 8}`));
    await converges(kernel, east.objects);
    expect(await agent.health()).toBe(200);
  }
});
