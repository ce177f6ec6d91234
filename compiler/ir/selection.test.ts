import { describe, expect, it } from 'vitest';
import { compileObjects, kubeProxy, onlyPort, poolTexts } from '../../test/helpers/compile.ts';
import { dispatched, endpoint, leaving, node, service, slice } from '../../test/helpers/kubernetes.ts';

const gone = { ready: false, serving: false, terminating: true };
const starting = { ready: false, serving: true, terminating: false };
const here = { node: 'n1' };

function port(spec: Record<string, unknown>, endpoints: readonly (string | Record<string, unknown>)[]) {
  return onlyPort(compileObjects([service('web', spec), slice('web', 'web-x', endpoints)]));
}

describe('which endpoints get new connections', () => {
  it.each([
    [
      'ready ones, in order of their text',
      ['10.1.0.2', '10.1.0.100', '10.1.0.10'],
      ['10.1.0.100:8080', '10.1.0.10:8080', '10.1.0.2:8080'],
    ],
    [
      'not those on their way in or out',
      ['10.1.0.1', endpoint('10.1.0.2', leaving), endpoint('10.1.0.3', starting)],
      ['10.1.0.1:8080'],
    ],
    [
      'those still serving, when nothing is ready',
      [endpoint('10.1.0.2', leaving), endpoint('10.1.0.3', gone)],
      ['10.1.0.2:8080'],
    ],
    [
      'ready ones on their way out (publishNotReadyAddresses)',
      [endpoint('10.1.0.1', { ready: true, terminating: true })],
      ['10.1.0.1:8080'],
    ],
    ['none of those that never were ready', [endpoint('10.1.0.1', starting)], []],
  ])('%s', (_what, endpoints, expected) => {
    const { pools, internal, known } = port({}, endpoints);
    expect(poolTexts(pools.cluster)).toEqual([...expected].sort());
    expect(internal.kind).toBe(expected.length > 0 ? 'forward' : 'reject');
    expect(known).toHaveLength(endpoints.length);
  });

  it('our terminating ones before those of other clusters, whose state is older news (kube-proxy: alike)', () => {
    const objects = [
      service('web'),
      slice('web', 'web-x', [endpoint('10.1.0.1', leaving)]),
      dispatched('web', 'east', [endpoint('10.2.0.1', leaving)]),
    ];
    expect(poolTexts(onlyPort(compileObjects(objects)).pools.cluster)).toEqual(['10.1.0.1:8080']);
    expect(poolTexts(onlyPort(compileObjects(objects, kubeProxy)).pools.cluster)).toHaveLength(2);
    expect(poolTexts(onlyPort(compileObjects([objects[0], objects[2]])).pools.cluster)).toEqual(['10.2.0.1:8080@east']);
  });
});

describe('traffic policies', () => {
  const near = endpoint('10.1.0.1', here);
  const far = endpoint('10.2.0.1', { node: 'n2' });
  const nodePort = { type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] };
  const internalLocal = { internalTrafficPolicy: 'Local' };
  const externalLocal = { ...nodePort, externalTrafficPolicy: 'Local' };

  it.each([
    ['Cluster', {}, [near, far], 'cluster', 'cluster', 2, 0],
    ['internal Local', internalLocal, [near, far], 'local', 'cluster', 0, 1],
    ['internal Local, none here', internalLocal, [far], 'drop', 'cluster', 0, 0],
    ['internal Local, none anywhere', internalLocal, [], 'reject', 'reject', 0, 0],
    ['internal Local with a node port', { ...nodePort, ...internalLocal }, [near, far], 'local', 'cluster', 2, 1],
    ['external Local', externalLocal, [near, far], 'cluster', 'local', 2, 1],
    ['external Local, none here', externalLocal, [far], 'cluster', 'drop', 1, 0],
    ['external Local, none anywhere', externalLocal, [], 'reject', 'reject', 0, 0],
    [
      'external Local without anything external',
      { ...externalLocal, ports: [{ port: 80 }] },
      [near, far],
      'cluster',
      'drop',
      2,
      0,
    ],
    ['both Local', { ...externalLocal, ...internalLocal }, [near, far], 'local', 'local', 2, 1],
    [
      'external Local, here one on its way out',
      externalLocal,
      [endpoint('10.1.0.1', { ...here, ...leaving }), far],
      'cluster',
      'local',
      1,
      1,
    ],
  ])('%s', (_what, spec, endpoints, internal, external, inCluster, inLocal) => {
    const { pools, ...routes } = port(spec, endpoints);
    const route = ({ kind, pool }: { kind: string; pool?: string }) => pool ?? kind;
    expect([route(routes.internal), route(routes.external)]).toEqual([internal, external]);
    expect([pools.cluster.length, pools.local.length]).toEqual([inCluster, inLocal]);
    expect(routes.keepClientAddress).toBe('externalTrafficPolicy' in spec);
  });
});

describe('topology hints', () => {
  const zone = (...forZones: string[]) => ({ forZones });
  const ours = [endpoint('10.1.0.1', zone('a')), endpoint('10.1.0.2', zone('b')), endpoint('10.1.0.3', zone('b', 'a'))];
  const annotated = { annotations: { 'service.kubernetes.io/topology-mode': 'Auto' } };

  function cluster(
    endpoints: Record<string, unknown>[],
    { spec = {}, options = {}, compileOptions = {}, remote = [] as unknown[], nodeZone = 'a' } = {},
  ) {
    const objects = [
      node('n1', { zone: nodeZone }),
      service('web', spec, options),
      slice('web', 'web-x', endpoints),
      ...remote,
    ];
    return poolTexts(onlyPort(compileObjects(objects, compileOptions)).pools.cluster);
  }

  it('hold without an annotation, but for kube-proxy 1.30', () => {
    expect(cluster(ours)).toEqual(['10.1.0.1:8080', '10.1.0.3:8080']);
    expect(cluster(ours, { compileOptions: kubeProxy })).toHaveLength(3);
    expect(cluster(ours, { compileOptions: kubeProxy, options: annotated })).toHaveLength(2);
    const disabled = { annotations: { 'service.kubernetes.io/topology-mode': 'Disabled' } };
    expect(cluster(ours, { compileOptions: kubeProxy, options: disabled })).toHaveLength(3);
    const gated = { settings: { compat: 'kube-proxy', featureGates: { ServiceTrafficDistribution: true } } };
    expect(cluster(ours, { compileOptions: gated })).toHaveLength(2);
    expect(
      cluster(ours, { compileOptions: { settings: { featureGates: { TopologyAwareHints: false } } } }),
    ).toHaveLength(3);
  });

  it('need every ready endpoint to carry them, one of them for here', () => {
    expect(cluster([...ours, endpoint('10.1.0.4')])).toHaveLength(4);
    expect(cluster([...ours, endpoint('10.1.0.4', leaving)])).toHaveLength(2);
    expect(cluster(ours, { nodeZone: 'c' })).toHaveLength(3);
    expect(cluster(ours, { nodeZone: '' })).toHaveLength(3);
  });

  it('by node come first (1.34), by zone where none is for this node', () => {
    const hinted = (address: string, forNodes: string[], forZones: string[]) =>
      endpoint(address, { forNodes, forZones });
    expect(cluster([hinted('10.1.0.1', ['n1'], ['a']), hinted('10.1.0.2', ['n2'], ['a'])])).toEqual(['10.1.0.1:8080']);
    expect(cluster([hinted('10.1.0.1', ['n3'], ['a']), hinted('10.1.0.2', ['n2'], ['b'])])).toEqual(['10.1.0.1:8080']);
    const off = { settings: { featureGates: { PreferSameTrafficDistribution: false } } };
    expect(
      cluster([hinted('10.1.0.1', ['n1'], ['a']), hinted('10.1.0.2', ['n2'], ['a'])], { compileOptions: off }),
    ).toHaveLength(2);
  });

  it('share out among ours what ours get; other clusters keep theirs', () => {
    const four = [
      endpoint('10.1.0.1', zone('a')),
      endpoint('10.1.0.2', zone('a')),
      endpoint('10.1.0.3', zone('b')),
      endpoint('10.1.0.4', zone('b')),
    ];
    const remote = [
      dispatched(
        'web',
        'east',
        [1, 2, 3, 4].map((i) => `10.2.0.${i}`),
      ),
    ];
    expect(cluster(four, { remote })).toEqual([
      '10.1.0.1:8080*2',
      '10.1.0.2:8080*2',
      ...[1, 2, 3, 4].map((i) => `10.2.0.${i}:8080@east`),
    ]);
    expect(cluster(four, { remote, compileOptions: kubeProxy, options: annotated })).toHaveLength(8);
    expect(cluster(four.slice(0, 3), { remote: [dispatched('web', 'east', ['10.2.0.1'])] })).toEqual([
      '10.1.0.1:8080*3',
      '10.1.0.2:8080*3',
      '10.2.0.1:8080*2@east',
    ]);
  });

  it('of another cluster say nothing here', () => {
    const remote = [dispatched('web', 'east', [endpoint('10.2.0.1', zone('b')), endpoint('10.2.0.2', zone('a'))])];
    expect(cluster([], { remote })).toHaveLength(2);
    expect(cluster([endpoint('10.1.0.1')], { remote })).toHaveLength(3);
  });

  it('of another cluster do not make its endpoints near ones', () => {
    const remote = [dispatched('web', 'east', [endpoint('10.2.0.1', zone('a')), endpoint('10.2.0.2', zone('a'))])];
    expect(cluster(ours, { remote, spec: { trafficDistribution: 'PreferClose' } })).toEqual([
      '10.1.0.1:8080',
      '10.1.0.3:8080',
    ]);
    expect(cluster(ours.slice(0, 2), { remote })).toEqual([
      '10.1.0.1:8080*2',
      '10.2.0.1:8080@east',
      '10.2.0.2:8080@east',
    ]);
  });

  it('keep to near ones alone where the Service prefers them', () => {
    const remote = [dispatched('web', 'east', ['10.2.0.1'])];
    expect(cluster(ours, { remote, spec: { trafficDistribution: 'PreferClose' } })).toEqual([
      '10.1.0.1:8080',
      '10.1.0.3:8080',
    ]);
    expect(cluster(ours, { remote, nodeZone: 'c', spec: { trafficDistribution: 'PreferClose' } })).toHaveLength(4);
  });

  it('leave the local pool alone', () => {
    const objects = [
      node('n1', { zone: 'a' }),
      service('web', { type: 'NodePort', externalTrafficPolicy: 'Local', ports: [{ port: 80, nodePort: 30080 }] }),
      slice('web', 'web-x', [endpoint('10.1.0.1', { ...here, forZones: ['b'] }), endpoint('10.1.0.2', zone('a'))]),
    ];
    const { pools } = onlyPort(compileObjects(objects));
    expect([poolTexts(pools.cluster), poolTexts(pools.local)]).toEqual([['10.1.0.2:8080'], ['10.1.0.1:8080!']]);
  });
});

describe('explanations', () => {
  it('say by which rule an endpoint is used or not', () => {
    const objects = [
      node('n1', { zone: 'a' }),
      service('web'),
      slice('web', 'web-x', [
        endpoint('10.1.0.1', { forZones: ['a'] }),
        endpoint('10.1.0.2', { forZones: ['b'] }),
        endpoint('10.1.0.3', leaving),
      ]),
      dispatched('web', 'east', ['10.2.0.1']),
    ];
    const { endpoints } = compileObjects(objects);
    expect(
      endpoints.map(({ address, weight, reasons }) => [address, weight, ...reasons.map(({ rule }) => rule)]),
    ).toEqual([
      ['10.1.0.1', 2, 'L1', 'MR-43'],
      ['10.1.0.2', 0, 'L1', 'MR-43'],
      ['10.1.0.3', 0, 'L1', 'MR-41'],
      ['10.2.0.1', 1, 'L2'],
    ]);
  });
});
