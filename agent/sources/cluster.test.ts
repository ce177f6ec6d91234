import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, expect, it } from 'vitest';
import { createPacedClock } from '../loop/paced-clock.fixture.ts';
import { type ApiDouble, startApiDouble } from '../../test/apiserver/double.ts';
import { openApi } from './api.ts';
import { clusterSource } from './cluster.ts';
import type { ReflectorState } from './reflector-options.ts';
import { eventually } from '../../test/helpers/eventually.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const times = {
  backoff: { firstMs: 5, maxMs: 40 },
  answerMs: 500,
  idleMs: 300,
  watchSeconds: 1,
  absentMs: 20,
  holdMs: 60_000,
};

/** A source on a double, and what it has reported so far. */
async function follow(
  double: ApiDouble,
  { proxyName, otherNodes = true }: { readonly proxyName?: string; readonly otherNodes?: boolean } = {},
) {
  const config = new KubeConfig();
  config.loadFromClusterAndUser({ name: 'c', server: double.url, skipTLSVerify: true }, { name: 'u', token: 'secret' });
  const api = openApi(config);
  const stop = new AbortController();
  const held = new Map<string, unknown>();
  const states = new Map<string, ReflectorState>();
  const source = clusterSource({
    cluster: undefined,
    from: double.url,
    get: api.get,
    nodeName: 'n1',
    otherNodes,
    proxyName,
    times,
    clock: createPacedClock(),
    random: () => 0.5,
  });
  void source.run(
    {
      change: (changes) => {
        for (const change of changes) {
          const { kind, name } = change.gone ? change.id : change.object.id;
          if (change.gone) held.delete(`${kind} ${name}`);
          else held.set(`${kind} ${name}`, change.object.fields);
        }
      },
      state: (kind, state) => void states.set(kind, state),
      heard: () => {},
      pace: () => undefined,
    },
    stop.signal,
  );
  closers.push(() => {
    stop.abort();
    api.close();
    void double.close();
  });
  return { held, states };
}

const service = (name: string, labels = {}) => ({
  kind: 'Service',
  metadata: { name, namespace: 'shop', labels },
  spec: { ports: [{ port: 80 }] },
});
const node = (name: string) => ({
  kind: 'Node',
  metadata: { name, labels: { zone: 'a' } },
  spec: { podCIDR: '10.1.0.0/24', podCIDRs: ['10.1.0.0/24'], taints: [{ key: 'a' }] },
  status: { addresses: [], images: ['a big list'] },
});

it('tells what there is, what comes and what goes, and reads no more than it needs', async () => {
  const double = await startApiDouble();
  for (const object of [
    service('cart'),
    service('headless', { 'service.kubernetes.io/headless': '' }),
    service('theirs', { 'service.kubernetes.io/service-proxy-name': 'other' }),
    node('n1'),
    node('n2'),
  ]) {
    double.apply(object);
  }
  const { held, states } = await follow(double);
  await eventually(() => expect([...held.keys()].sort()).toEqual(['Node n1', 'Node n2', 'Service cart']));
  expect(held.get('Node n1')).toEqual({
    kind: 'Node',
    apiVersion: 'v1',
    metadata: expect.objectContaining({ labels: { zone: 'a' } }),
    spec: { podCIDR: '10.1.0.0/24', podCIDRs: ['10.1.0.0/24'], taints: [{ key: 'a' }] },
    status: { addresses: [] },
  });
  expect(held.get('Node n2')).toEqual({
    kind: 'Node',
    apiVersion: 'v1',
    metadata: { name: 'n2' },
    spec: { podCIDRs: ['10.1.0.0/24'] },
    status: { addresses: [] },
  });
  await eventually(() => expect(states.get('ServiceImport')).toEqual({ kind: 'absent' }));

  double.apply(service('till'));
  double.remove('Service', 'shop', 'cart');
  await eventually(() => expect([...held.keys()].sort()).toEqual(['Node n1', 'Node n2', 'Service till']));
});

it('asks for no other Node where that was chosen', async () => {
  const double = await startApiDouble();
  for (const name of ['n1', 'n2']) double.apply(node(name));
  const { held, states } = await follow(double, { otherNodes: false });
  await eventually(() => expect(states.get('Node')).toEqual({ kind: 'live' }));
  expect([...held.keys()]).toEqual(['Node n1']);
  expect(double.requests.filter((request) => request.includes('/nodes')).length).toBeGreaterThan(0);
  expect(
    double.requests.filter((request) => request.includes('/nodes') && !/metadata\.name%3Dn1/.test(request)),
  ).toEqual([]);
});

it('asks for the Services of a proxy with a name only, and for slices of whatever label', async () => {
  const label = 'service.kubernetes.io/service-proxy-name';
  const double = await startApiDouble();
  for (const object of [
    service('mine', { [label]: 'me' }),
    service('theirs', { [label]: 'other' }),
    service('usual'),
    {
      kind: 'EndpointSlice',
      metadata: { name: 'a', namespace: 'shop' },
      addressType: 'IPv4',
      endpoints: [],
      ports: [],
    },
  ]) {
    double.apply(object);
  }
  const { held } = await follow(double, { proxyName: 'me' });
  await eventually(() => expect([...held.keys()].sort()).toEqual(['EndpointSlice a', 'Service mine']));
});

it('tells what went while it could not look', async () => {
  const double = await startApiDouble();
  double.apply(service('cart'));
  double.apply(service('till'));
  const { held } = await follow(double);
  await eventually(() => expect(held.size).toBe(2));
  double.faults = { beforeAnswer: (_url, response) => void response.destroy() };
  double.cutStreams();
  double.remove('Service', 'shop', 'cart');
  double.store.compact();
  expect(held.size).toBe(2);
  double.faults = {};
  await eventually(() => expect([...held.keys()]).toEqual(['Service till']));
});

it('goes on with the other kinds when one is refused, and says which', async () => {
  const double = await startApiDouble();
  double.apply(service('cart'));
  double.faults = { forbidden: ['endpointslices'] };
  const { held, states } = await follow(double);
  await eventually(() => expect([...held.keys()]).toEqual(['Service cart']));
  await eventually(() =>
    expect(states.get('EndpointSlice')).toMatchObject({
      kind: 'failing',
      problem: expect.stringContaining('forbidden'),
    }),
  );
  expect(states.get('Service')).toEqual({ kind: 'live' });
});

it('takes up a kind when its CRD is installed, and lets go of it when it is removed', async () => {
  const double = await startApiDouble();
  const { held, states } = await follow(double);
  await eventually(() => expect(states.get('ServiceExport')).toEqual({ kind: 'absent' }));
  double.installed.add('multicluster.x-k8s.io');
  double.apply({ kind: 'ServiceExport', metadata: { name: 'cart', namespace: 'shop' } });
  await eventually(() => expect([...held.keys()]).toEqual(['ServiceExport cart']));
  await eventually(() => expect(double.openWatches('serviceexports')).toBe(1));
  double.uninstall('multicluster.x-k8s.io');
  await eventually(() => expect(held.size).toBe(0));
  await eventually(() => expect(states.get('ServiceExport')).toEqual({ kind: 'absent' }));

  double.installed.add('multicluster.x-k8s.io');
  double.apply({ kind: 'ServiceExport', metadata: { name: 'till', namespace: 'shop' } });
  await eventually(() => expect([...held.keys()]).toEqual(['ServiceExport till']));
});

it('keeps what it has of a kind that is unknown all at once, as after a start of the API server', async () => {
  const double = await startApiDouble();
  double.installed.add('multicluster.x-k8s.io');
  double.apply({ kind: 'ServiceExport', metadata: { name: 'cart', namespace: 'shop' } });
  const { held, states } = await follow(double);
  await eventually(() => expect([...held.keys()]).toEqual(['ServiceExport cart']));
  double.installed.clear();
  double.cutStreams();
  await eventually(() =>
    expect(states.get('ServiceExport')).toMatchObject({ problem: expect.stringContaining('no longer knows the kind') }),
  );
  expect([...held.keys()]).toEqual(['ServiceExport cart']);
  double.installed.add('multicluster.x-k8s.io');
  await eventually(() => expect(states.get('ServiceExport')).toEqual({ kind: 'live' }));
  expect([...held.keys()]).toEqual(['ServiceExport cart']);
});
