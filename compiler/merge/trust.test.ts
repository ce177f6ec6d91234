import { describe, expect, it } from 'vitest';
import {
  type CompileOptions,
  compileObjects,
  diagnosticTexts,
  onlyPort,
  poolTexts,
  registryOf,
} from '../../test/helpers/compile.ts';
import {
  dispatched,
  endpoint,
  node,
  openService,
  service,
  serviceExport,
  slice,
} from '../../test/helpers/kubernetes.ts';
import { defaultPolicy } from '../policy/policy.ts';
import type { Cidr } from '../values/address.ts';
import { type ClusterName, parseClusterName } from '../values/names.ts';

const serve = service('serve');
const pods = ['10.1.0.0/16' as Cidr];

function judged(address: string, options: CompileOptions) {
  const compilation = compileObjects([serve, dispatched('serve', 'east', [address])], options);
  const reasons = compilation.endpoints.flatMap(({ reasons: all }) => all.slice(1).map(({ rule }) => rule));
  return { used: onlyPort(compilation).pools.cluster.length === 1, reasons, codes: codesOf(compilation) };
}

function codesOf({ diagnostics }: ReturnType<typeof compileObjects>): string[] {
  return diagnostics.map(({ code }) => code).filter((code) => !['node-missing', 'own-cluster-unknown'].includes(code));
}

describe("another cluster's endpoint", () => {
  const clusterCidrs = ['10.0.0.0/16' as Cidr];

  it('in the range of our own pods is refused, whoever says what that is', () => {
    const refused = { used: false, reasons: ['O1'], codes: ['overlap-local-pod-cidr'] };
    expect(judged('10.0.3.3', { settings: { clusterCidrs } })).toEqual(refused);
    expect(judged('10.0.3.3', { registry: registryOf({ home: { self: true, podCidrs: clusterCidrs } }) })).toEqual(
      refused,
    );
    const objects = [serve, node('n2', { podCIDRs: ['10.0.3.0/24'] }), dispatched('serve', 'east', ['10.0.3.3'])];
    expect(codesOf(compileObjects(objects))).toEqual(['overlap-local-pod-cidr']);
  });

  it('is judged by what is registered, where the configuration means all clusters', () => {
    const registry = registryOf({ home: { self: true, podCidrs: ['10.0.0.0/16' as Cidr] }, east: { podCidrs: pods } });
    const settings = { clusterCidrs: ['10.0.0.0/8' as Cidr] };
    expect(judged('10.1.0.1', { registry, settings })).toEqual({ used: true, reasons: [], codes: [] });
  });

  it('in our Service range is refused', () => {
    const registry = registryOf({ home: { self: true, podCidrs: pods, serviceCidrs: ['10.96.0.0/12' as Cidr] } });
    expect(judged('10.97.1.1', { registry })).toEqual({
      used: false,
      reasons: ['O2'],
      codes: ['overlap-local-service-cidr'],
    });
  });

  it('outside the ranges of its cluster is refused, and only reported if they are not strict', () => {
    const registry = registryOf({ east: { podCidrs: pods } });
    const refused = { used: false, reasons: ['O6'], codes: ['unexpected-address'] };
    for (const strict of [registry, { ...registry, strictCidr: true }]) {
      expect(judged('10.9.0.1', { registry: strict })).toEqual(refused);
      expect(judged('10.1.0.1', { registry: strict })).toEqual({ used: true, reasons: [], codes: [] });
    }
    expect(judged('10.9.0.1', { registry: { ...registry, strictCidr: false } })).toEqual({ ...refused, used: true });
  });

  it('of a cluster without ranges is refused once ranges of any other cluster are registered, or if that is demanded', () => {
    const used = (clusters: Parameters<typeof registryOf>[0], strictCidr?: boolean) =>
      judged('10.1.0.1', { registry: registryOf(clusters, { strictCidr }) }).used;
    expect(used({ west: { nodeCidrs: ['10.2.0.0/16' as Cidr] } })).toBe(false);
    expect(used({ west: { nodeCidrs: ['10.2.0.0/16' as Cidr] } }, false)).toBe(true);
    expect(used({ west: {} })).toBe(true);
    expect(used({ west: {} }, true)).toBe(false);
    // Ranges registered for the local cluster tell nothing about others; nor do those of a removed cluster.
    expect(used({ home: { self: true, podCidrs: ['10.3.0.0/16' as Cidr] } })).toBe(true);
    expect(used({ old: { removed: true, podCidrs: ['10.3.0.0/16' as Cidr] } })).toBe(true);
  });

  it('of a family without ranges is told apart from one outside them', () => {
    const registry = registryOf({ east: { podCidrs: pods } });
    const six = dispatched('six', 'east', ['fd00:1::1'], { addressType: 'IPv6' });
    expect(diagnosticTexts(compileObjects([service('six', { clusterIP: 'fd00::1' }), six], { registry }))).toEqual([
      'warning: Service default/six: endpoint fd00:1::1 of cluster east: rejected: no IPv6 ranges are registered for east',
    ]);
  });

  it('in our own node range, or that of a Node, is refused whatever its cluster has registered', () => {
    const nodes = ['172.18.0.0/24' as Cidr];
    const registry = registryOf({ home: { self: true, nodeCidrs: nodes }, east: { podCidrs: pods, nodeCidrs: nodes } });
    expect(judged('172.18.0.9', { registry })).toMatchObject({ used: false, reasons: ['O3'] });
    const known = registryOf({ home: { self: true, podCidrs: ['10.7.0.0/16' as Cidr] }, east: { podCidrs: pods } });
    const objects = [
      serve,
      node('n2', { addresses: ['10.1.5.5'], podCIDRs: ['10.1.3.0/24'] }),
      dispatched('serve', 'east', ['10.1.5.5', '10.1.3.3', '10.1.0.1']),
    ];
    expect(poolTexts(onlyPort(compileObjects(objects, { registry: known })).pools.cluster)).toEqual([
      '10.1.0.1:8080@east',
    ]);
  });

  it('that means a local address to a gateway is refused as that address is', () => {
    const six = (address: string) => {
      const remote = dispatched('six', 'east', [address], { addressType: 'IPv6' });
      const compilation = compileObjects(
        [service('six', { clusterIP: 'fd00::1' }), node('n2', { addresses: ['172.18.0.4'] }), remote],
        {
          settings: { clusterCidrs: ['10.0.0.0/16' as Cidr] },
        },
      );
      return compilation.endpoints.map(({ reasons }) => reasons[1]?.rule);
    };
    expect(six('64:ff9b::10.0.0.9')).toEqual(['O1']);
    expect(six('64:ff9b::172.18.0.4')).toEqual(['MR-15']);
    expect(six('2002:a00:9::1')).toEqual(['O1']);
    expect(six('64:ff9b::10.5.0.9')).toEqual([undefined]);
  });

  it.each(['240.1.2.3', '255.0.0.1', '168.63.129.16', '100.100.100.200'])(
    '%s is used only where a range of its cluster holds it',
    (address) => {
      expect(judged(address, {})).toEqual({ used: false, reasons: ['MR-15'], codes: ['endpoint-refused'] });
      const ranges = ['224.0.0.0/3', '168.63.0.0/16', '100.64.0.0/10'].map((text) => text as Cidr);
      expect(judged(address, { registry: registryOf({ east: { podCidrs: ranges } }) }).used).toBe(true);
      const own = compileObjects([serve, slice('serve', 'serve-a', [address])]);
      expect(onlyPort(own).pools.cluster).toHaveLength(1);
    },
  );

  it('of a removed cluster is not used, and nobody is told again', () => {
    expect(judged('10.1.0.1', { registry: registryOf({ east: { removed: true } }) })).toEqual({
      used: false,
      reasons: ['MR-77'],
      codes: [],
    });
  });

  it('is reported once a cluster and fault, by its lowest address', () => {
    const addresses = ['10.0.0.9', '10.0.0.3', '10.0.0.4'];
    const compilation = compileObjects([serve, dispatched('serve', 'east', addresses)], { settings: { clusterCidrs } });
    expect(diagnosticTexts(compilation)).toEqual([
      'error: Service default/serve: endpoint 10.0.0.3 (and 2 more) of cluster east: rejected: it lies in the local pod range',
    ]);
  });
});

describe('two clusters with one address', () => {
  const objects = [serve, dispatched('serve', 'west', ['10.1.0.1']), dispatched('serve', 'east', ['10.1.0.1'])];

  it('leave it to the one of the better tier', () => {
    const pool = (registry = registryOf({})) =>
      poolTexts(onlyPort(compileObjects(objects, { registry })).pools.cluster);
    expect(pool()).toEqual(['10.1.0.1:8080@east']);
    expect(pool(registryOf({ east: { tier: 1 } }))).toEqual(['10.1.0.1:8080@west']);
  });

  it('leave it to the one whose registered range holds it, never to the name or the tier', () => {
    const winner = (clusters: Parameters<typeof registryOf>[0], strictCidr: boolean | undefined) =>
      poolTexts(onlyPort(compileObjects(objects, { registry: registryOf(clusters, { strictCidr }) })).pools.cluster);
    for (const strict of [undefined, false, true]) {
      expect(winner({ west: { podCidrs: pods, tier: 5 }, east: {} }, strict)).toEqual(['10.1.0.1:8080@west']);
      const elsewhere = ['10.9.0.0/16' as Cidr];
      expect(winner({ west: { podCidrs: pods }, east: { podCidrs: elsewhere } }, strict)).toEqual([
        '10.1.0.1:8080@west',
      ]);
      expect(winner({ west: { podCidrs: pods, tier: 1 }, east: { podCidrs: pods } }, strict)).toEqual([
        '10.1.0.1:8080@east',
      ]);
    }
  });

  it('are reported once, also where no Service has both', () => {
    const apart = [service('two', { clusterIP: '10.96.0.2' }), dispatched('two', 'west', ['10.1.0.1', '10.1.0.2'])];
    const compilation = compileObjects([serve, dispatched('serve', 'east', ['10.1.0.1', '10.1.0.2']), ...apart]);
    expect(diagnosticTexts(compilation)).toEqual([
      'warning: cluster east: and cluster west both have an endpoint 10.1.0.1 (and 1 more); packets reach only one of the two',
    ]);
  });
});

describe('names in the registry', () => {
  const remote = dispatched('serve', 'old-east', [endpoint('10.1.0.1', { node: 'n1', zone: 'z' })]);

  it('make an alias its cluster', () => {
    const registry = registryOf({ east: { aliases: ['old-east' as ClusterName] } });
    expect(onlyPort(compileObjects([serve, remote], { registry })).pools.cluster[0]?.cluster).toBe('east');
    const exported = [slice('serve', 'serve-e', ['10.1.0.2']), serviceExport('serve')];
    const given = compileObjects([openService('serve')], { registry, clusters: { 'old-east': exported } });
    expect(onlyPort(given).pools.cluster[0]?.cluster).toBe('east');
  });

  it('tell which cluster is ours, and what came back to it', () => {
    const registry = registryOf({ east: { self: true, aliases: ['old-east' as ClusterName] } });
    expect(onlyPort(compileObjects([serve, remote], { registry })).pools.cluster).toMatchObject([
      { cluster: undefined, local: true },
    ]);
  });

  it('are believed of ours only where the configuration agrees', () => {
    const registry = registryOf({ west: { self: true } });
    const compilation = compileObjects([serve, remote], {
      registry,
      settings: { ownCluster: parseClusterName('east') },
    });
    expect(codesOf(compilation)).toContain('own-cluster-ambiguous');
  });

  it('make one place of two zones', () => {
    const zones = (zone: string, place: string) => new Map([[zone, place]]);
    const near = service('serve', { trafficDistribution: 'PreferClose' });
    const objects = [
      near,
      node('n1', { zone: 'z' }),
      slice('serve', 'serve-a', [endpoint('10.0.0.1', { zone: 'y' }), endpoint('10.0.0.2', { zone: 'y' })]),
      dispatched('serve', 'east', [endpoint('10.1.0.1', { zone: 'z' })]),
      dispatched('serve', 'west', [endpoint('10.2.0.1', { zone: 'q' })]),
    ];
    const pool = (registry = registryOf({})) =>
      poolTexts(onlyPort(compileObjects(objects, { registry })).pools.cluster);
    expect(pool()).toHaveLength(4);
    expect(pool(registryOf({ west: { zones: zones('q', 'z') } }))).toEqual(['10.2.0.1:8080@west']);
    const ours = { self: true, zones: zones('z', 'hall 3') };
    expect(pool(registryOf({ home: ours, east: { zones: zones('z', 'hall 3') } }))).toEqual(['10.1.0.1:8080@east']);
  });
});

it('no cluster is called local', () => {
  expect(parseClusterName('local')).toBeUndefined();
  const labelled = slice('serve', 'x', ['10.1.0.1'], {
    by: 'me',
    labels: { 'multicluster.kubernetes.io/source-cluster': 'local' },
  });
  const drained = service('serve', {}, { annotations: { 'slicewright.dev/drain-clusters': 'local' } });
  const compilation = compileObjects([drained, slice('serve', 'a', ['10.0.0.1']), labelled]);
  expect(poolTexts(onlyPort(compilation).pools.cluster)).toEqual(['10.1.0.1:8080@unknown:local']);
});

describe('a policy', () => {
  const share = (annotations: Record<string, string>, options: CompileOptions = {}) => {
    const objects = [
      service('serve', {}, { annotations }),
      slice('serve', 'serve-a', ['10.0.0.1']),
      dispatched('serve', 'east', ['10.1.0.1']),
    ];
    return poolTexts(onlyPort(compileObjects(objects, options)).pools.cluster);
  };

  it('may call the local cluster by its id, and others by their aliases', () => {
    const registry = registryOf({ home: { self: true }, east: { aliases: ['e' as ClusterName] } });
    expect(share({ 'slicewright.dev/cluster-weights': 'home=2,e=1' }, { registry })).toEqual([
      '10.0.0.1:8080*2',
      '10.1.0.1:8080@east',
    ]);
    expect(share({ 'slicewright.dev/failover': 'e; home' }, { registry })).toEqual(['10.1.0.1:8080@east']);
    expect(share({ 'slicewright.dev/drain-clusters': 'home' }, { registry })).toEqual(['10.1.0.1:8080@east']);
  });

  describe('that names a cluster which there is not', () => {
    const home = { self: true, podCidrs: ['10.0.0.0/16' as Cidr] };
    const registry = registryOf({ home, east: {}, west: { aliases: ['old-west' as ClusterName] } });
    const compiled = (annotations: Record<string, string>, options: CompileOptions = { registry }) => {
      const objects = [
        service('serve', {}, { annotations }),
        slice('serve', 'serve-a', ['10.0.0.1']),
        dispatched('serve', 'east', ['10.1.0.1']),
        dispatched('serve', 'west', ['10.2.0.1']),
      ];
      const compilation = compileObjects(objects, options);
      return { pool: poolTexts(onlyPort(compilation).pools.cluster).join(' '), told: diagnosticTexts(compilation) };
    };
    const all = '10.0.0.1:8080 10.1.0.1:8080@east 10.2.0.1:8080@west';

    it.each([
      ['cluster-weights', 'local=2,wset=5,east=1', 'wset', 'west', '10.0.0.1:8080*2 10.1.0.1:8080@east'],
      ['cluster-weights', 'local=2,East=5,west=1', 'East', 'east', '10.0.0.1:8080*2 10.2.0.1:8080@west'],
      ['failover', 'wset; east', 'wset', 'west', '10.1.0.1:8080@east'],
      ['failover', 'eats, west; *', 'eats', 'east', '10.2.0.1:8080@west'],
      ['drain-clusters', 'east,wst', 'wst', 'west', '10.0.0.1:8080 10.2.0.1:8080@west'],
      ['drain-clusters', 'East_,west', 'East_', 'east', '10.0.0.1:8080 10.1.0.1:8080@east'],
      ['drain-clusters', 'east,oldwest', 'oldwest', 'old-west', '10.0.0.1:8080 10.2.0.1:8080@west'],
      ['accept-clusters', 'east,wset', 'wset', 'west', all],
    ])('keeps its effect for the others: %s %s', (key, value, stranger, meant, pool) => {
      expect(compiled({ [`slicewright.dev/${key}`]: value })).toEqual({
        pool,
        told: [
          `warning: Service default/serve metadata.annotations["slicewright.dev/${key}"]: no cluster ${stranger}; did you mean ${meant}? This name is ignored, the rest of the policy applies`,
        ],
      });
    });

    it.each([
      ['cluster-weights', 'wset=100', 'wset; did you mean west? No other cluster is named; using the default'],
      ['cluster-weights', 'wset=100,local=0', 'wset; did you mean west? No other cluster is named; using the default'],
      ['failover', 'berlin', 'berlin; no other cluster is named; using the default'],
      ['drain-clusters', 'wset', 'wset; did you mean west? No other cluster is named; using the default'],
    ])('and no other sends nobody away: %s %s', (key, value, told) => {
      expect(compiled({ [`slicewright.dev/${key}`]: value })).toEqual({
        pool: all,
        told: [`warning: Service default/serve metadata.annotations["slicewright.dev/${key}"]: no cluster ${told}`],
      });
    });

    it('is not told where nobody lists clusters, nor of one that has slices here or is given', () => {
      const weights = { 'slicewright.dev/cluster-weights': 'local=2,north=5,*=1' };
      expect(compiled(weights, {}).told).toEqual([]);
      expect(compiled(weights).told).toHaveLength(1);
      expect(compiled(weights, { registry, clusters: { north: [service('any')] } }).told).toEqual([
        'info: cluster north: is not in the registry; no registered setting applies to it',
      ]);
      expect(
        compiled({ 'slicewright.dev/drain-clusters': 'west,home,east' }, { registry: registryOf({ home }) }).told,
      ).toEqual([]);
    });
  });

  it('of the registry holds where the Service says nothing', () => {
    const clusterWeights = new Map([
      ['local' as const, 3],
      ['*' as const, 1],
    ]);
    const registry = registryOf({}, { policy: { ...defaultPolicy, clusterWeights } });
    expect(share({}, { registry })).toEqual(['10.0.0.1:8080*3', '10.1.0.1:8080@east']);
    expect(share({ 'slicewright.dev/cluster-weights': '*=1' }, { registry })).toEqual([
      '10.0.0.1:8080',
      '10.1.0.1:8080@east',
    ]);
  });

  it('has no say for kube-proxy', () => {
    const weights = { 'slicewright.dev/cluster-weights': 'local=3,east=1' };
    expect(share(weights, { settings: { compat: 'kube-proxy' } })).toEqual(['10.0.0.1:8080', '10.1.0.1:8080@east']);
  });

  it('may masquerade what goes to other clusters', () => {
    const annotations = { 'slicewright.dev/masqueradeRemote': 'always' };
    const objects = [
      service('serve', {}, { annotations }),
      slice('serve', 'serve-a', ['10.0.0.1']),
      dispatched('serve', 'east', ['10.1.0.1']),
    ];
    expect(onlyPort(compileObjects(objects)).pools.cluster.map(({ masquerade }) => masquerade)).toEqual([false, true]);
  });

  it('drains slices of weight 0, on this node too', () => {
    const weighted = (name: string, address: string, weight: string) =>
      slice('serve', name, [endpoint(address, { node: 'n1' })], { annotations: { 'slicewright.dev/weight': weight } });
    const slices = [weighted('a', '10.0.0.1', '0'), weighted('b', '10.0.0.2', '3'), weighted('c', '10.0.0.3', '1')];
    const { pools } = onlyPort(compileObjects([serve, ...slices]));
    expect(poolTexts(pools.cluster)).toEqual(['10.0.0.2:8080*3!', '10.0.0.3:8080!']);
    const local = onlyPort(compileObjects([service('serve', { internalTrafficPolicy: 'Local' }), ...slices]));
    expect(poolTexts(local.pools.local)).toEqual(['10.0.0.2:8080*3!', '10.0.0.3:8080!']);
  });

  it('gives another cluster’s slices no more weight than everyone has, however they came', () => {
    const east = (weight: string) =>
      dispatched('serve', 'east', ['10.1.0.1'], { annotations: { 'slicewright.dev/weight': weight } });
    const pool = (weight: string) =>
      poolTexts(onlyPort(compileObjects([serve, slice('serve', 'a', ['10.0.0.1']), east(weight)])).pools.cluster);
    expect(pool('65535')).toEqual(['10.0.0.1:8080', '10.1.0.1:8080@east']);
    expect(pool('0')).toEqual(['10.0.0.1:8080']);
  });

  it('that leaves nobody anything refuses clients', () => {
    const annotations = { 'slicewright.dev/drain-clusters': 'local,east' };
    const objects = [
      service('serve', {}, { annotations }),
      slice('serve', 'serve-a', ['10.0.0.1']),
      dispatched('serve', 'east', ['10.1.0.1']),
    ];
    expect(onlyPort(compileObjects(objects))).toMatchObject({ internal: { kind: 'reject' }, pools: { cluster: [] } });
  });
});
