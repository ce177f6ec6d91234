import { describe, expect, it } from 'vitest';
import { compileObjects, diagnosticTexts, kubeProxy, onlyPort, poolTexts } from '../../test/helpers/compile.ts';
import { dispatched, endpoint, leaving, node, openService, service, slice } from '../../test/helpers/kubernetes.ts';
import type { Compilation } from '../compile.ts';
import { endpointText } from '../ir/ir.ts';
import { parseClusterName } from '../values/names.ts';

const serve = service('serve');

function pool(objects: readonly unknown[], options = {}): string[] {
  return poolTexts(onlyPort(compileObjects(objects, options)).pools.cluster);
}

/** `10.1.0.1:80 MR-33 duplicate-of …` for the endpoints that are in no pool. */
function unused({ endpoints }: Compilation): string[] {
  return endpoints
    .filter(({ inPools }) => !inPools.cluster && !inPools.local)
    .map((record) => {
      const reasons = record.reasons.slice(1).map(({ rule, text }) => `${rule} ${text}`);
      return `${endpointText(record)} ${reasons.join(', ')}`;
    });
}

describe('slices of several clusters', () => {
  it('seed B, second half: local and remote endpoints are alike', () => {
    const objects = [
      serve,
      slice('serve', 'serve-mvgj7', ['10.12.0.6']),
      dispatched('serve', 'member1', ['10.10.0.6']),
    ];
    expect(pool(objects)).toEqual(['10.10.0.6:8080@member1', '10.12.0.6:8080']);
  });

  it('seed B, first half: slices without ports and endpoints contribute nothing', () => {
    const empty = { ports: null };
    const objects = [
      serve,
      slice('serve', 'serve-5qzln', null, empty),
      dispatched('serve', 'member1', ['10.10.0.6']),
      slice('serve', 'member2-serve-mvgj7', null, { ...empty, by: 'dispatch', provisionCluster: 'member2' }),
    ];
    const compilation = compileObjects(objects);
    expect(poolTexts(onlyPort(compilation).pools.cluster)).toEqual(['10.10.0.6:8080@member1']);
    expect(diagnosticTexts(compilation)).toEqual([]);
  });

  it.each(['import', ''])('seed A: derived-serve and its imported slice, managed by "%s"', (by) => {
    const labels = { 'karmada.io/managed': 'true' };
    const imported = slice('derived-serve', 'imported-member1-serve-x7k2p', ['10.10.0.5'], { by, labels });
    const compilation = compileObjects([service('derived-serve'), imported]);
    expect(poolTexts(onlyPort(compilation).pools.cluster)).toEqual(['10.10.0.5:8080@unknown:member1']);
    expect(diagnosticTexts(compilation)).toEqual([
      'warning: EndpointSlice default/imported-member1-serve-x7k2p: names no known cluster (known: none); its endpoints are treated as remote, of "unknown:member1"',
    ]);
  });

  it('belong to the Service that their label names, whatever their own name', () => {
    const compilation = compileObjects([
      serve,
      slice('other', 'serve-abcde', ['10.1.0.1']),
      slice('', 'serve-fghij', ['10.1.0.2']),
      slice('serve', 'x', ['10.1.0.3'], { namespace: 'elsewhere' }),
    ]);
    expect(onlyPort(compilation).pools.cluster).toEqual([]);
    expect(diagnosticTexts(compilation)).toEqual([
      'info: EndpointSlice default/serve-fghij: names no Service (label kubernetes.io/service-name); its endpoints are not used',
    ]);
  });

  it.each(['service.kubernetes.io/headless', 'service.kubernetes.io/service-proxy-name'])(
    'labelled %s are not seen',
    (label) => {
      expect(pool([serve, slice('serve', 'serve-x', ['10.1.0.1'], { labels: { [label]: '' } })])).toEqual([]);
    },
  );

  it('are seen by a proxy with a name whatever their own label says: their Service decides', () => {
    const label = 'service.kubernetes.io/service-proxy-name';
    const mine = service('serve', {}, { labels: { [label]: 'mine' } });
    const slices = [
      slice('serve', 'serve-x', ['10.1.0.1'], { labels: { [label]: 'mine' } }),
      slice('serve', 'serve-y', ['10.1.0.2']),
      dispatched('serve', 'east', ['10.2.0.1'], { labels: { [label]: 'theirs' } }),
    ];
    const options = { settings: { serviceProxyName: 'mine' } };
    const [port] = compileObjects([mine, ...slices], options).services.IPv4;
    expect(port?.pools.cluster.map(({ address }) => address)).toEqual(['10.1.0.1', '10.1.0.2', '10.2.0.1']);
    expect(compileObjects([service('serve'), ...slices], options).services.IPv4).toEqual([]);
  });

  it('may use another port number in each cluster', () => {
    const east = dispatched('serve', 'east', ['10.1.0.1'], { ports: [{ name: '', port: 9090, protocol: 'TCP' }] });
    expect(pool([serve, east, dispatched('serve', 'west', ['10.2.0.1'])])).toEqual([
      '10.1.0.1:9090@east',
      '10.2.0.1:8080@west',
    ]);
  });
});

describe("another cluster's own objects", () => {
  const exported = {
    apiVersion: 'multicluster.x-k8s.io/v1beta1',
    kind: 'ServiceExport',
    metadata: { namespace: 'default', name: 'serve' },
  };
  const native = slice('serve', 'serve-a', ['10.1.0.1']);
  const open = openService('serve');

  it('count when it exports the Service', () => {
    expect(pool([open], { clusters: { east: [native, exported] } })).toEqual(['10.1.0.1:8080@east']);
    expect(pool([open], { clusters: { east: [native] } })).toEqual([]);
    expect(pool([open], { clusters: { east: [native, { ...exported, metadata: { name: 'other' } }] } })).toEqual([]);
  });

  it('do not pass on what it got from others', () => {
    const passedOn = dispatched('serve', 'west', ['10.2.0.1']);
    expect(pool([open], { clusters: { east: [native, passedOn, exported] } })).toEqual(['10.1.0.1:8080@east']);
  });

  it('and their dispatched copies are the same endpoints', () => {
    const objects = [open, dispatched('serve', 'east', ['10.1.0.1'])];
    const compilation = compileObjects(objects, { clusters: { east: [native, exported] } });
    expect(poolTexts(onlyPort(compilation).pools.cluster)).toEqual(['10.1.0.1:8080@east']);
    expect(diagnosticTexts(compilation)).toEqual([]);
  });
});

describe('what another cluster may not say', () => {
  const remote = dispatched('serve', 'east', [endpoint('10.1.0.1', { node: 'n1' })]);
  const localOnly = service('serve', { internalTrafficPolicy: 'Local' });

  it('that its endpoint runs on our node (kube-proxy believes it)', () => {
    expect(onlyPort(compileObjects([localOnly, remote]))).toMatchObject({
      internal: { kind: 'drop' },
      pools: { local: [] },
      known: [{ local: false }],
    });
    expect(poolTexts(onlyPort(compileObjects([localOnly, remote], kubeProxy)).pools.local)).toEqual([
      '10.1.0.1:8080!@east',
    ]);
  });

  it('that a local endpoint came back from it: that one is on our node again', () => {
    const settings = { ownCluster: parseClusterName('east') };
    const compilation = compileObjects([localOnly, remote], { settings });
    expect(poolTexts(onlyPort(compilation).pools.local)).toEqual(['10.1.0.1:8080!']);
  });

  it.each([
    ['a local node', '192.168.0.1'],
    ['the cluster IP of a local Service', '10.96.0.9'],
    ['our metadata service', '169.254.169.254'],
    ['our loopback', '127.0.0.1'],
  ])('that its endpoint is %s', (_what, address) => {
    const others = [
      service('other', { clusterIP: '10.96.0.9', ports: [] }),
      node('n1', { addresses: ['192.168.0.1'] }),
    ];
    const compilation = compileObjects([serve, ...others, dispatched('serve', 'east', [address, '10.1.0.1'])]);
    expect(poolTexts(onlyPort(compilation).pools.cluster)).toEqual(['10.1.0.1:8080@east']);
    expect(onlyPort(compilation).known).toHaveLength(1);
    expect(unused(compilation)).toEqual([expect.stringMatching(`^${address}:8080 MR-15 rejected: `)]);
  });

  it('while our own pods may share the address of their node', () => {
    const objects = [
      serve,
      node('n1', { addresses: ['192.168.0.1'] }),
      slice('serve', 'serve-x', ['192.168.0.1'], { by: '' }),
    ];
    expect(pool(objects)).toEqual(['192.168.0.1:8080']);
  });
});

describe('one endpoint in several slices', () => {
  const native = (name: string, ...options: object[]) =>
    slice(
      'serve',
      name,
      options.map((each) => endpoint('10.1.0.1', each)),
    );

  it('of one cluster is its readiest record', () => {
    const compilation = compileObjects([
      serve,
      native('a', leaving),
      native('b', {}),
      native('c', { ready: false, serving: false }),
    ]);
    expect(onlyPort(compilation).known).toEqual([
      { address: '10.1.0.1', port: 8080, local: false, ready: true, serving: true },
    ]);
    expect(unused(compilation)).toEqual([
      '10.1.0.1:8080 MR-33 duplicate-of EndpointSlice default/b',
      '10.1.0.1:8080 MR-33 duplicate-of EndpointSlice default/b',
    ]);
    expect(diagnosticTexts(compilation)).toEqual([]);
  });

  it('equally ready is the one on this node, else that of the first slice', () => {
    const [a, b] = [native('a', { node: 'n2' }), native('b', { node: 'n1' })];
    expect(pool([serve, a, b])).toEqual(['10.1.0.1:8080!']);
    const unplaced = compileObjects([serve, native('b', {}), native('a', {})]);
    expect(unplaced.endpoints.map(({ slice: { name }, inPools }) => [name, inPools.cluster])).toEqual([
      ['a', true],
      ['b', false],
    ]);
  });

  it('of ours and of another cluster is ours, and that is reported', () => {
    const compilation = compileObjects([
      serve,
      native('serve-x', leaving),
      dispatched('serve', 'east', ['10.1.0.1', '10.1.0.2']),
    ]);
    expect(poolTexts(onlyPort(compilation).pools.cluster)).toEqual(['10.1.0.2:8080@east']);
    expect(diagnosticTexts(compilation)).toEqual([
      'warning: Service default/serve: port "": 10.1.0.1:8080 is in slices of both the local cluster and east (do their pod ranges overlap?); that of the local cluster is used',
    ]);
  });

  it('that came back is the native one, silently', () => {
    const objects = [serve, native('serve-x', leaving), dispatched('serve', 'east', ['10.1.0.1'])];
    const compilation = compileObjects(objects, { settings: { ownCluster: parseClusterName('east') } });
    expect(onlyPort(compilation).known).toMatchObject([{ ready: false }]);
    expect(diagnosticTexts(compilation)).toEqual([]);
  });

  it("of two other clusters is the first one's by name", () => {
    expect(pool([serve, dispatched('serve', 'west', ['10.1.0.1']), dispatched('serve', 'east', ['10.1.0.1'])])).toEqual(
      ['10.1.0.1:8080@east'],
    );
  });

  it('for kube-proxy is the first record, but a later one on this node', () => {
    const known = (...slices: unknown[]) => onlyPort(compileObjects([serve, ...slices], kubeProxy)).known;
    expect(known(native('b', {}), native('a', leaving))).toMatchObject([{ ready: false }]);
    expect(known(native('a', {}), native('b', { ...leaving, node: 'n1' }))).toMatchObject([
      { ready: false, local: true },
    ]);
  });
});

describe('ports that do not fit', () => {
  const named = service('serve', { ports: [{ name: 'http', port: 80 }] });

  it('of another cluster are reported: no endpoint would tell', () => {
    const compilation = compileObjects([named, dispatched('serve', 'east', ['10.1.0.1'])]);
    expect(onlyPort(compilation).internal).toEqual({ kind: 'reject', why: 'no-endpoints' });
    expect(diagnosticTexts(compilation)).toEqual([
      'warning: Service default/serve: cluster east has endpoints, but none for port "http" TCP; it offers an unnamed TCP one',
    ]);
  });

  it('by protocol alone are another diagnostic', () => {
    const ports = [{ name: 'http', port: 80, protocol: 'UDP' }];
    const compilation = compileObjects([named, dispatched('serve', 'east', ['10.1.0.1'], { ports })]);
    expect(onlyPort(compilation).known).toEqual([]);
    expect(compilation.diagnostics.map(({ code }) => code)).toContain('remote-protocol-mismatch');
  });

  it('of the local cluster are reported with the slice, and those of slices without endpoints are ordinary', () => {
    const objects = [
      named,
      slice('serve', 'serve-x', ['10.1.0.1']),
      slice('serve', 'serve-y', ['10.1.0.2']),
      dispatched('serve', 'east', []),
    ];
    expect(diagnosticTexts(compileObjects(objects))).toEqual([
      'warning: Service default/serve: port "http" TCP: EndpointSlice serve-x (and 1 more) has endpoints but no such port; it has an unnamed TCP one; its endpoints get no connections through this port',
    ]);
    expect(diagnosticTexts(compileObjects([named, slice('serve', 'serve-x', [])]))).toEqual([]);
  });

  it('leave the endpoints in sight, each with the reason that it gets nothing', () => {
    const { endpoints } = compileObjects([named, slice('serve', 'serve-x', ['10.1.0.1'])]);
    expect(endpoints).toMatchObject([
      { address: '10.1.0.1', leftOut: 'no such port', reasons: [{ rule: 'L1' }, { rule: 'MR-20' }] },
    ]);
  });

  it('do not matter where another slice of the cluster has the port', () => {
    const ports = [{ name: 'http', port: 8080, protocol: 'TCP' }];
    const objects = [
      named,
      dispatched('serve', 'east', ['10.1.0.1']),
      slice('serve', 'z', ['10.1.0.2'], { by: 'dispatch', provisionCluster: 'east', ports }),
    ];
    expect(diagnosticTexts(compileObjects(objects))).toEqual([]);
  });
});

describe('what is said once, of all Services together', () => {
  it('a cluster that a dual-stack Service reaches in one family only', () => {
    const dual = service('serve', { clusterIPs: ['10.96.0.1', 'fd00::1'], ipFamilies: ['IPv4', 'IPv6'] });
    const compilation = compileObjects([dual, dispatched('serve', 'east', ['10.1.0.1'])]);
    expect(onlyPort(compilation, 'IPv6').internal.kind).toBe('reject');
    expect(diagnosticTexts(compilation)).toEqual([
      'warning: Service default/serve: cluster east has no IPv6 endpoints; it gets no IPv6 traffic',
    ]);
  });

  it('only where it has endpoints at all', () => {
    const dual = service('serve', { clusterIPs: ['10.96.0.1', 'fd00::1'], ipFamilies: ['IPv4', 'IPv6'] });
    const placeholder = (name: string, addressType: string) =>
      slice('serve', name, null, { ports: null, by: 'dispatch', provisionCluster: 'east', addressType });
    const empty = [placeholder('east-a', 'IPv4'), placeholder('east-b', 'IPv6')];
    expect(diagnosticTexts(compileObjects([dual, empty[0]]))).toEqual([]);
    expect(diagnosticTexts(compileObjects([dual, ...empty, dispatched('serve', 'east', ['10.1.0.1'])]))).toHaveLength(
      1,
    );
  });

  it('a zone named as ours, and that the local cluster has no name', () => {
    const objects = [
      node('n1', { zone: 'a' }),
      serve,
      service('two', { clusterIP: '10.96.0.2' }),
      ...['serve', 'two'].map((of) => dispatched(of, 'east', [endpoint('10.1.0.1', { zone: 'a' })])),
    ];
    expect(compileObjects(objects).diagnostics.map(({ code, object }) => `${code} ${object.name}`)).toEqual([
      'zone-unmapped east',
      'own-cluster-unknown local',
    ]);
    expect(compileObjects(objects, kubeProxy).diagnostics).toEqual([]);
  });
});

describe("the local cluster's id", () => {
  const applied = (name: string, cluster: string, where: 'labels' | 'annotations' = 'annotations') =>
    service(name, { ports: [] }, { [where]: { 'work.karmada.io/namespace': `karmada-es-${cluster}` } });
  const property = {
    apiVersion: 'about.k8s.io/v1beta1',
    kind: 'ClusterProperty',
    metadata: { name: 'cluster.clusterset.k8s.io' },
    spec: { value: 'east' },
  };
  const remote = dispatched('serve', 'east', [endpoint('10.1.0.1', { node: 'n1' })]);
  const isOwn = (...objects: unknown[]) => onlyPort(compileObjects([serve, remote, ...objects])).known[0]?.local;

  it('is what the cluster says of itself, or two Services that Karmada applied', () => {
    expect(isOwn()).toBe(false);
    expect(isOwn(property)).toBe(true);
    expect(isOwn(applied('a', 'east'))).toBe(false);
    expect(isOwn(applied('a', 'east'), applied('b', 'east', 'labels'))).toBe(true);
    expect(isOwn(applied('a', 'west'), applied('b', 'west'))).toBe(false);
  });

  it('is what is configured, then what the cluster says of itself, and none where marks disagree', () => {
    const east = [applied('a', 'east'), applied('b', 'east')];
    const west = [applied('c', 'west'), applied('d', 'west')];
    expect(isOwn(...east, ...west)).toBe(false);
    const compilation = compileObjects([serve, remote, property, ...west]);
    expect(onlyPort(compilation).known[0]?.local).toBe(true);
    expect(diagnosticTexts(compilation)).toEqual([
      "warning: cluster local: has a different name in Karmada's marks on objects (west in namespace default); they are ignored: the local cluster is east",
    ]);
    const configured = (id: string) =>
      compileObjects([serve, remote, property, ...east], { settings: { ownCluster: parseClusterName(id) } });
    expect(onlyPort(configured('east')).known[0]?.local).toBe(true);
    const other = configured('west');
    expect(onlyPort(other).known[0]?.local).toBe(false);
    expect(diagnosticTexts(other)[0]).toBe(
      'error: cluster local: has different names in configuration and ClusterProperty (east, west); the configured name, west, is used',
    );
  });
});
