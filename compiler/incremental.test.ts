import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  arbitraryExport,
  arbitraryLink,
  arbitraryRegistry,
  arbitraryService,
  arbitrarySlice,
} from '../test/helpers/arbitrary-cluster.ts';
import { compileObjects, registryOf } from '../test/helpers/compile.ts';
import {
  dispatched,
  endpoint,
  imported,
  multiClusterService,
  node,
  openService,
  service,
  serviceImport,
  slice,
} from '../test/helpers/kubernetes.ts';
import { createToldCompiler, type WrittenChange } from '../test/helpers/told.ts';
import { callsAlike } from './cluster-view.ts';
import type { PortChanges } from './engine.ts';
import type { ServicePortIR } from './ir/ir.ts';
import type { OnClusterLost } from './policy/policy.ts';
import { type ClusterState, emptyRegistry, type Registry } from './registry/registry.ts';
import { type Compat, defaultSettings } from './settings.ts';
import { type ClusterName, parseClusterName, type ServicePortId } from './values/names.ts';

function create(settings = {}, registry: Registry = emptyRegistry) {
  const all = { ...defaultSettings, ...settings };
  return createToldCompiler({ settings: all, registry, nodeName: 'n1', localAddresses: undefined });
}

function change(object: unknown, cluster?: string): WrittenChange {
  return { cluster: parseClusterName(cluster), object, gone: false };
}

const gone = (object: unknown): WrittenChange => ({ ...change(object), gone: true });

describe('a change', () => {
  const compiler = () => {
    const fresh = create();
    const web = [service('web'), slice('web', 'web-x', ['10.1.0.1'])];
    const api = [service('api', { clusterIP: '10.96.0.2' }), dispatched('api', 'east', ['10.2.0.1'])];
    fresh.apply([...web, ...api].map((object) => change(object)));
    return fresh;
  };
  const ids = (changes: ReadonlyMap<string, unknown>) => [...changes.keys()].sort();

  it('of an endpoint changes its Service and no other', () => {
    const changes = compiler().apply([change(slice('web', 'web-x', ['10.1.0.1', '10.1.0.2']))]);
    expect(ids(changes)).toEqual(['default/web/TCP/IPv4']);
  });

  it('that means nothing changes nothing', () => {
    const same = slice('web', 'web-x', [endpoint('10.1.0.1', { zone: 'elsewhere' })], { labels: { note: 'x' } });
    expect(ids(compiler().apply([change(same)]))).toEqual([]);
    expect(
      ids(
        compiler().apply([
          change({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } }),
          change(null),
        ]),
      ),
    ).toEqual([]);
  });

  it('of one Service can take a place away from another', () => {
    const older = service('old', { clusterIP: '10.96.0.2' }, { created: '2020-01-01T00:00:00Z' });
    const fresh = compiler();
    expect(fresh.apply([change(older)])).toEqual(
      new Map([
        ['default/old/TCP/IPv4', expect.objectContaining({ service: 'default/old' })],
        ['default/api/TCP/IPv4', 'gone'],
      ]),
    );
    expect(ids(fresh.apply([gone(older)]))).toEqual(['default/api/TCP/IPv4', 'default/old/TCP/IPv4']);
  });

  it('of a node can take an endpoint away from other clusters', () => {
    const fresh = compiler();
    const before = fresh.compilation();
    expect(ids(fresh.apply([change(node('n2', { addresses: ['10.2.0.1'] }))]))).toEqual(['default/api/TCP/IPv4']);
    expect(ids(fresh.apply([gone(node('n2'))]))).toEqual(['default/api/TCP/IPv4']);
    expect(fresh.compilation()).toEqual(before);
  });

  it('of a node can take its range of pods away from other clusters, and from no Service besides', () => {
    const fresh = compiler();
    const before = fresh.compilation();
    expect(ids(fresh.apply([change(node('n2', { podCIDRs: ['10.2.0.0/24'] }))]))).toEqual(['default/api/TCP/IPv4']);
    expect(ids(fresh.apply([change(node('n3', { podCIDRs: ['10.1.0.0/24'] }))]))).toEqual([]);
    expect(ids(fresh.apply([gone(node('n2')), gone(node('n3'))]))).toEqual(['default/api/TCP/IPv4']);
    expect(fresh.compilation()).toEqual(before);
  });

  it('of a node takes its address away in whatever form another cluster writes it', () => {
    const fresh = create();
    const v6 = { ipFamilies: ['IPv6'], clusterIP: 'fd96::1', clusterIPs: ['fd96::1'] };
    const hidden = dispatched('api', 'east', ['64:ff9b::c0a8:2']);
    fresh.apply([service('api', v6), { ...hidden, addressType: 'IPv6' }].map((object) => change(object)));
    const other = node('n2', { addresses: ['192.168.0.2'] });
    expect(ids(fresh.apply([change(other)]))).toEqual(['default/api/TCP/IPv6']);
    expect(fresh.compilation().services.IPv6[0]?.pools.cluster).toEqual([]);
    expect(ids(fresh.apply([gone(other)]))).toEqual(['default/api/TCP/IPv6']);
  });

  it('of an export lets another cluster in, or shuts it out', () => {
    const fresh = compiler();
    fresh.apply([change(openService('web')), change(slice('web', 'web-y', ['10.3.0.1']), 'west')]);
    const exported = change(arbitraryExport('web'), 'west');
    expect(ids(fresh.apply([exported]))).toEqual(['default/web/TCP/IPv4']);
    expect(ids(fresh.apply([{ ...exported, gone: true }]))).toEqual(['default/web/TCP/IPv4']);
  });

  it('of consent lets another cluster in, or shuts it out', () => {
    const fresh = compiler();
    const open = openService('web');
    const closed = service('web');
    fresh.apply([change(slice('web', 'web-y', ['10.3.0.1']), 'west'), change(arbitraryExport('web'), 'west')]);
    for (const [object, offers] of [
      [open, 0],
      [closed, 1],
    ] as const) {
      expect(ids(fresh.apply([change(object)]))).toEqual(['default/web/TCP/IPv4']);
      const { diagnostics } = fresh.compilation();
      expect(diagnostics.filter(({ code }) => code === 'offer-not-accepted')).toHaveLength(offers);
    }
    const registry = registryOf({ west: { mayServe: [{ namespace: '*', names: undefined }] } });
    const granted = create({}, registryOf({ west: {} }));
    granted.apply([change(closed), change(slice('web', 'web-y', ['10.3.0.1']), 'west')]);
    expect(granted.apply([change(arbitraryExport('web'), 'west')]).size).toBe(0);
    expect(ids(granted.register(registry))).toEqual(['default/web/TCP/IPv4']);
  });

  it('of the registry may be of any names but those of clusters whose objects are here', () => {
    const west = parseClusterName('west');
    const known = { settings: defaultSettings, registry: registryOf({ west: {} }) };
    const other = registryOf({ other: { aliases: ['west' as ClusterName] } });
    const self = registryOf({ west: { self: true } });
    for (const renaming of [other, self]) expect(callsAlike([undefined, west], known, renaming)).toBe(false);
    for (const same of [registryOf({}), registryOf({ west: {}, east: { self: true } }), emptyRegistry]) {
      expect(callsAlike([undefined, west], known, same)).toBe(true);
    }
    const fresh = create({}, known.registry);
    fresh.apply([change(service('web')), change(slice('web', 'web-y', ['10.3.0.1']), 'west')]);
    const drained = registryOf({ east: { drain: true, aliases: ['e' as ClusterName] } });
    fresh.apply([change(dispatched('web', 'e', ['10.2.0.1'])), change(slice('web', 'web-x', ['10.1.0.1']))]);
    expect(ids(fresh.register(drained))).toEqual(['default/web/TCP/IPv4']);
  });

  it('of what a cluster gets is compiled where it has endpoints, and nowhere else', () => {
    const registryWith = (changes: Parameters<typeof registryOf>[0]): Registry => {
      const usual = { east: { aliases: ['e' as ClusterName] }, home: { self: true }, west: {} };
      const entries = Object.entries(usual).map(([id, one]) => [id, { ...one, ...changes[id] }] as const);
      return registryOf(Object.fromEntries(entries));
    };
    const fresh = create({}, registryWith({}));
    const names = ['web', 'api', 'mail'];
    const services = names.map((name, i) => service(name, { clusterIP: `10.96.0.${i + 1}` }));
    const slices = [dispatched('web', 'e', ['10.2.0.1']), dispatched('api', 'west', ['10.3.0.1'])];
    const own = names.map((name, i) => slice(name, `${name}-x`, [`10.1.0.${i + 1}`]));
    fresh.apply([...services, ...slices, ...own].map((each) => change(each)));
    const compiledBy = (changes: Parameters<typeof registryOf>[0]): string[] => {
      const before = new Map(fresh.services());
      fresh.register(registryWith(changes));
      return [...fresh.services()].filter(([key, one]) => before.get(key) !== one).map(([key]) => key);
    };
    expect(compiledBy({ east: { state: 'Suspect' } })).toEqual([]);
    expect(compiledBy({ east: { state: 'Lost' } })).toEqual(['default/web']);
    expect(compiledBy({ east: { state: 'Lost', onLost: 'drop' } })).toEqual(['default/web']);
    expect(compiledBy({ west: { weight: 7 } })).toEqual(['default/web', 'default/api']);
    expect(compiledBy({ west: { weight: 7, drain: true } })).toEqual(['default/api']);
    expect(compiledBy({ west: { weight: 7, drain: true }, home: { weight: 7 } })).toHaveLength(3);
    expect(compiledBy({ west: { tier: 1 }, home: { weight: 7 } })).toHaveLength(3);
  });

  it('of the winner of a place lets the next best in, not just anyone', () => {
    const at = (name: string, clusterIP: string, created: string) =>
      service(name, { clusterIP, externalIPs: ['203.0.113.1'] }, { created });
    const [first, second, third] = [
      at('first', '10.96.1.1', '2026-01-01T00:00:00Z'),
      at('second', '10.96.1.2', '2026-01-02T00:00:00Z'),
      at('third', '10.96.1.3', '2026-01-03T00:00:00Z'),
    ];
    const fresh = create();
    fresh.apply([third, second, first].map((each) => change(each)));
    const changes = fresh.apply([gone(first)]);
    expect(changes.get('default/second/TCP/IPv4' as ServicePortId)).toMatchObject({
      frontends: [{ kind: 'clusterIP' }, { kind: 'externalIP' }],
    });
    expect(ids(changes)).toEqual(['default/first/TCP/IPv4', 'default/second/TCP/IPv4']);
  });

  it('of our own node shows in its context', () => {
    const fresh = compiler();
    fresh.apply([change(node('n1', { addresses: ['192.168.0.1'] }))]);
    expect(fresh.node().IPv4.nodeIP).toBe('192.168.0.1');
  });
});

it('what there is to say of an object is said as long as it is there as it was', () => {
  const fresh = create();
  const said = () => fresh.compilation().diagnostics.map(({ object: { name }, code }) => `${name} ${code}`);
  const bad = slice('web', 'web-x', ['10.1.0.1', 'not an address']);
  const unusable = { ...slice('web', 'web-y', []), addressType: 'FQDN' };
  fresh.apply([node('n1'), service('web'), bad, unusable].map((object) => change(object)));
  fresh.apply([change(bad)]);
  expect(said()).toEqual(['web-x endpoint-bad-address', 'web-y slice-fqdn']);
  fresh.apply([change(slice('web', 'web-x', ['10.1.0.1']))]);
  expect(said()).toEqual(['web-y slice-fqdn']);
  fresh.apply([gone(unusable)]);
  expect(said()).toEqual([]);
});

// Names, addresses and places collide all the time here, and clusters come and go.
const applied = (cluster: string) => ({ annotations: { 'work.karmada.io/namespace': `karmada-es-${cluster}` } });
const property = (value: string) => ({
  apiVersion: 'about.k8s.io/v1beta1',
  kind: 'ClusterProperty',
  metadata: { name: 'cluster.clusterset.k8s.io' },
  spec: { value },
});
const object = fc.oneof(
  { weight: 4, arbitrary: arbitraryService },
  { weight: 5, arbitrary: arbitrarySlice },
  { weight: 3, arbitrary: arbitraryLink },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Record<string, unknown>>(
      node('n1', { zone: 'z1', addresses: ['192.168.0.1'] }),
      node('n1', { zone: 'z2', addresses: ['10.1.0.2'] }),
      node('n2', { addresses: ['10.1.0.3', '10.1.0.1'] }),
      node('n2', { podCIDRs: ['10.2.0.0/24', 'fd02::/64'] }),
      node('n3', { podCIDRs: ['10.2.0.0/23'] }),
      service('a', { clusterIP: '10.1.0.1' }, applied('east')),
      service('b', {}, applied('east')),
      service('c', {}, applied('west')),
      property('east'),
      property('west'),
      ...['a', 'b'].map(arbitraryExport),
      service('Bad'),
      { ...slice('a', 'a-x', []), addressType: 'FQDN' },
      slice('', 'a-x', ['10.1.0.1']),
    ),
  },
);
/** Mostly one namespace, and sometimes another one, whose claims count only there. */
const placed = fc.tuple(object, fc.constantFrom('default', 'default', 'default', 'tenant')).map(([each, namespace]) => {
  const isNamespaced = !['Node', 'ClusterProperty'].includes(String(each.kind));
  return isNamespaced ? { ...each, metadata: { ...(each.metadata as object), namespace } } : each;
});
const event = fc.record({
  cluster: fc.constantFrom(undefined, undefined, undefined, parseClusterName('east'), parseClusterName('north')),
  object: placed,
  gone: fc.boolean(),
});

const arbitraryUse = fc
  .record({
    id: fc.constantFrom('east', 'west', 'home'),
    state: fc.constantFrom<ClusterState>('Unknown', 'Alive', 'Suspect', 'Lost'),
    weight: fc.constantFrom(100, 50, 0),
    drain: fc.boolean(),
    onLost: fc.constantFrom<OnClusterLost | undefined>(undefined, 'keep', 'drop'),
  })
  .map(({ id, ...use }) => (registry: Registry): Registry => {
    const clusters = registry.clusters.map((cluster) => (cluster.id === id ? { ...cluster, ...use } : cluster));
    return { ...registry, clusters };
  });

it('objects may come in any order: slices before their Services, imports before what derives from them', () => {
  const exports = arbitraryExport('web');
  const story: readonly WrittenChange[] = [
    change(node('n1', { zone: 'z1', addresses: ['192.168.0.1'] })),
    change(service('web')),
    change(slice('web', 'web-x', ['10.1.0.1'])),
    change(exports, 'east'),
    change(slice('web', 'web-e', ['10.2.0.1']), 'east'),
    change(service('derived-web', { clusterIP: '10.96.0.7' })),
    change(
      serviceImport(
        'shop',
        { ips: ['10.97.0.1'], ports: [{ name: '', port: 80 }] },
        { annotations: { 'multicluster.kubernetes.io/derived-service': 'derived-web' } },
      ),
    ),
    change(imported('shop', 'west', ['10.3.0.1'])),
    change(multiClusterService('web', { providerClusters: [{ name: 'east' }], consumerClusters: [{ name: 'home' }] })),
    change(property('home')),
  ];
  const objectsOf = (cluster: ClusterName | undefined) =>
    story.filter((each) => each.cluster === cluster).map(({ object: of }) => of);
  const whole = compileObjects(objectsOf(undefined), { clusters: { east: objectsOf(parseClusterName('east')) } });
  expect(whole.services.IPv4.length).toBeGreaterThan(1);
  fc.assert(
    fc.property(fc.shuffledSubarray([...story], { minLength: story.length }), fc.nat(4), (order, together) => {
      const compiler = create();
      for (let i = 0; i < order.length; i += together + 1) compiler.apply(order.slice(i, i + together + 1));
      expect(compiler.compilation()).toEqual(whole);
      expect(compiler.diagnostics()).toEqual(whole.diagnostics);
    }),
    { numRuns: 100 },
  );
});

it('any sequence of changes ends where compiling from nothing does', () => {
  const batch = fc.record({
    events: fc.array(event, { minLength: 1, maxLength: 6 }),
    /** Another registry, or the same one under which clusters get something else. */
    registry: fc.oneof(arbitraryRegistry, arbitraryUse),
    /** This batch is compiled together with the next one that is not collected. */
    isCollected: fc.boolean(),
    isLookedAt: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(batch, { maxLength: 6 }),
      arbitraryRegistry,
      fc.constantFrom<Compat>('none', 'none', 'kube-proxy'),
      (sequence, first, compat) => {
        const compiler = create({ compat }, first);
        const present = new Map<string, { cluster: ClusterName | undefined; object: Record<string, unknown> }>();
        const ports = new Map<ServicePortId, ServicePortIR>();
        const take = (changes: PortChanges): void => {
          for (const [id, port] of changes) {
            if (port === 'gone') ports.delete(id);
            else ports.set(id, port);
          }
        };
        let registry = first;
        for (const { events, registry: next, isCollected, isLookedAt } of sequence) {
          registry = typeof next === 'function' ? next(registry) : next;
          take(compiler.register(registry));
          for (const { cluster, object: changed, gone: isGone } of events) {
            const { namespace, name } = changed.metadata as { namespace?: string; name: string };
            const key = JSON.stringify([cluster, changed.kind, namespace, name]);
            if (isGone) present.delete(key);
            else present.set(key, { cluster, object: changed });
          }
          if (isCollected) compiler.collect(events);
          else take(compiler.apply(events));
          if (isCollected && !isLookedAt) continue;
          const of = (wanted: string | undefined) =>
            [...present.values()].filter(({ cluster }) => cluster === wanted).map((entry) => entry.object);
          const whole = compileObjects(of(undefined), {
            settings: { compat },
            registry,
            clusters: { east: of('east'), north: of('north') },
          });
          expect(compiler.compilation()).toEqual(whole);
          expect(compiler.diagnostics()).toEqual(whole.diagnostics);
          if (isCollected) continue;
          const hashes = (list: Iterable<ServicePortIR>) => Array.from(list, ({ id, hash }) => `${id} ${hash}`).sort();
          expect(hashes(ports.values())).toEqual(hashes([...whole.services.IPv4, ...whole.services.IPv6]));
        }
      },
    ),
    { numRuns: 250 },
  );
});
