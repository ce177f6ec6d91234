import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createPacedClock } from '../../agent/loop/paced-clock.fixture.ts';
import type { ApiGet } from '../../agent/sources/api.ts';
import { clusterSource } from '../../agent/sources/cluster.ts';
import { createFakeKernel } from '../../backends/netfilter/fake/kernel.ts';
import { compile } from '../../compiler/index.ts';
import { memberSettings } from '../packets/program.ts';
import { type Manifest, node } from '../packets/objects.ts';
import { quickReflector, startFieldAgent } from './field.ts';
import { differences } from './in-force.ts';
import { eventually } from '../helpers/eventually.ts';

interface Recorded {
  readonly response: {
    readonly body?: { readonly items: readonly Manifest[] };
    readonly events?: readonly { readonly type: string; readonly object: Manifest }[];
  };
}

function recorded(name: string): Recorded['response'] {
  const url = new URL(`../apiserver/transcripts/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(url, 'utf8')) as Recorded).response;
}

/** Per collection: what a real API server listed, and what it then told of. */
const recordings = {
  '/api/v1/services': { list: '03-list-services-initial', watch: '23-watch-services-from-start' },
  '/apis/discovery.k8s.io/v1/endpointslices': {
    list: '04-list-endpointslices-initial',
    watch: '22-watch-endpointslices-from-start',
  },
} as const;

function isRecorded(path: string): path is keyof typeof recordings {
  return Object.hasOwn(recordings, path);
}

/** Answers as it was recorded, once: a second watch hears nothing. Nodes are listed as ours; CRDs are absent. */
function replay(): ApiGet {
  const watched = new Set<string>();
  return (url, signal) => {
    const { pathname: path, searchParams } = new URL(url, 'http://recorded');
    const answer = (status: number, chunks: readonly string[], open: boolean) => ({
      status,
      headers: {},
      destroy: () => {},
      body: (async function* () {
        for (const chunk of chunks) yield Buffer.from(chunk);
        if (open) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      })(),
    });
    const list = (items: readonly unknown[]) =>
      JSON.stringify({ kind: 'List', metadata: { resourceVersion: '1' }, items });
    if (path === '/api/v1/nodes') return Promise.resolve(answer(200, [list([node])], false));
    if (!isRecorded(path)) return Promise.resolve(answer(404, ['404 page not found\n'], false));
    if (searchParams.get('watch') !== 'true') {
      return Promise.resolve(answer(200, [JSON.stringify(recorded(recordings[path].list).body)], false));
    }
    const events = watched.has(path) ? [] : (recorded(recordings[path].watch).events ?? []);
    watched.add(path);
    return Promise.resolve(
      answer(
        200,
        events.map((event) => `${JSON.stringify(event)}\n`),
        true,
      ),
    );
  };
}

/** What is there when all that was recorded has happened. */
function heldAtTheEnd(path: keyof typeof recordings): Manifest[] {
  const held = new Map<string, Manifest>();
  const nameOf = ({ metadata }: Manifest) =>
    JSON.stringify([(metadata as Manifest)['namespace'], (metadata as Manifest)['name']]);
  for (const item of recorded(recordings[path].list).body?.items ?? []) held.set(nameOf(item), item);
  for (const { type, object } of recorded(recordings[path].watch).events ?? []) {
    if (type === 'DELETED') held.delete(nameOf(object));
    else if (type !== 'BOOKMARK') held.set(nameOf(object), object);
  }
  const [kind, apiVersion] = path.endsWith('services') ? ['Service', 'v1'] : ['EndpointSlice', 'discovery.k8s.io/v1'];
  return [...held.values()].map((object) => ({ ...object, kind, apiVersion }));
}

it('what a real API server answered leads to the rules of what it held', async () => {
  const kernel = createFakeKernel();
  const own = clusterSource({
    cluster: undefined,
    from: 'a recording',
    get: replay(),
    nodeName: 'member2-node',
    times: quickReflector,
    clock: createPacedClock(),
    random: () => 0.5,
  });
  const agent = startFieldAgent({ run: kernel.run, own, nodeName: 'member2-node', settings: memberSettings });
  const objects = [
    node,
    ...heldAtTheEnd('/api/v1/services'),
    ...heldAtTheEnd('/apis/discovery.k8s.io/v1/endpointslices'),
  ];
  const compilation = compile({
    clusters: [{ cluster: undefined, objects }],
    settings: memberSettings,
    nodeName: 'member2-node',
    localAddresses: undefined,
  });
  expect(compilation.services.IPv4.length).toBeGreaterThan(1);
  await eventually(async () => expect(await differences(kernel.run, compilation)).toEqual([]));
  await agent.stop();
});
