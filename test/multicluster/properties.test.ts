import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Compilation } from '../../compiler/compile.ts';
import { createToldCompiler } from '../helpers/told.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import type { Cidr } from '../../compiler/values/address.ts';
import { parseClusterName } from '../../compiler/values/names.ts';
import { one, rational, sumRationals } from '../../compiler/values/rational.ts';
import {
  arbitraryLink,
  arbitraryObjects,
  arbitraryRegistry,
  arbitraryService,
  arbitrarySlice,
} from '../helpers/arbitrary-cluster.ts';
import { compileObjects, registryOf } from '../helpers/compile.ts';
import {
  dispatched,
  endpoint,
  multiClusterService,
  node,
  service,
  serviceExport,
  slice,
} from '../helpers/kubernetes.ts';

function portsOf({ services }: Compilation): ServicePortIR[] {
  return [...services.IPv4, ...services.IPv6];
}

describe('shares', () => {
  it('add up to exactly 1 wherever anyone gets anything, and weights are in their ratio', () => {
    fc.assert(
      fc.property(arbitraryObjects, arbitraryObjects, arbitraryRegistry, (own, east, registry) => {
        const compilation = compileObjects(own, { registry, clusters: { east } });
        for (const ir of portsOf(compilation)) {
          const records = compilation.endpoints.filter(
            (record) =>
              record.service === ir.service &&
              record.portName === ir.portName &&
              record.protocol === ir.protocol &&
              record.family === ir.family,
          );
          const total = sumRationals(records.map(({ share }) => share));
          expect(total).toEqual(ir.pools.cluster.length > 0 ? one : rational(0));
          const sum = ir.pools.cluster.reduce((weights, { weight }) => weights + weight, 0);
          for (const { weight, share } of records) if (sum > 0) expect(rational(weight, sum)).toEqual(share);
          expect(ir.pools.cluster.map(({ weight }) => weight)).toEqual(
            records.filter(({ weight }) => weight > 0).map(({ weight }) => weight),
          );
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a cluster of weight 0', () => {
  const idle = ['a', 'b', 'c'].map((of) =>
    dispatched(of, 'idle', [`10.9.0.${of.charCodeAt(0)}`], { ports: [{ name: 'http', port: 80, protocol: 'TCP' }] }),
  );
  const withAnnotation = idle.map((each) => ({
    ...each,
    metadata: { ...each.metadata, annotations: { ...each.metadata.annotations, 'slicewright.dev/weight': '0' } },
  }));
  const pools = (compilation: Compilation) =>
    portsOf(compilation).map(({ id, pools: { cluster, local }, internal }) => ({ id, cluster, local, internal }));

  it.each([
    ['by registration', { weight: 0 }, idle],
    ['by being drained', { drain: true }, idle],
    ['by its slices', {}, withAnnotation],
  ])('%s changes nothing', (_how, entry, slices) => {
    fc.assert(
      fc.property(arbitraryObjects, (own) => {
        const registry = registryOf({ idle: entry, east: {}, west: {} });
        const before = compileObjects(own, { registry });
        expect(pools(compileObjects([...own, ...slices], { registry }))).toEqual(pools(before));
      }),
      { numRuns: 100 },
    );
  });
});

/** What a hostile cluster may put among its own objects: anything, and it exports Service `a`. */
const hostileObjects = fc
  .array(
    fc.oneof(arbitraryService, arbitrarySlice, arbitraryLink, fc.constant(node('n1', { addresses: ['10.1.0.1'] }))),
    { maxLength: 12 },
  )
  .map((objects) => {
    const isGrantOfAnother = ({ kind, metadata }: Record<string, unknown>): boolean =>
      (kind === 'ServiceExport' || kind === 'MultiClusterService') && (metadata as { name: string }).name !== 'a';
    return [...objects.filter((object) => !isGrantOfAnother(object)), serviceExport('a')];
  });

/** What it may get dispatched to us as slices of Service `a`: addresses of ours, rubbish, duplicates. */
const hostileSlices = fc
  .array(
    fc.record({
      address: fc.constantFrom(
        '10.1.0.1',
        '10.1.0.2',
        '10.96.0.1',
        '127.0.0.1',
        '169.254.169.254',
        '192.168.0.1',
        '10.9.9.9',
        'x',
      ),
      ready: fc.boolean(),
      zone: fc.constantFrom('z1', 'z2'),
    }),
    { maxLength: 6 },
  )
  .chain((endpoints) =>
    fc.constantFrom('east-1', 'east-b-2', 'imported-north-c').map((suffix) => {
      const hostile = endpoints.map(({ address, ...rest }) =>
        endpoint(address, { ...rest, node: 'n1', forZones: ['z1'] }),
      );
      const ports = [{ name: 'http', port: 8080, protocol: 'TCP' }];
      const by = { by: 'dispatch', provisionCluster: 'east', ports };
      return slice('a', suffix, hostile, by);
    }),
  );

const isOfA = (id: string): boolean => /^default\/(a|derived-a)(@clusterset)?[:/]/.test(id);

/** What the local cluster says of Services: that something else is derived from `a`, or that another one is everybody's too. */
function grantsMore(object: unknown): boolean {
  const { kind, metadata } = (object ?? {}) as { readonly kind?: string; readonly metadata?: Record<string, unknown> };
  if (kind === 'MultiClusterService') return metadata?.name !== 'a';
  return kind === 'ServiceImport' && metadata?.name === 'a' && metadata.annotations !== undefined;
}

describe('a hostile cluster', () => {
  const own = arbitraryObjects.map((objects) => [
    node('n1', { zone: 'z1', addresses: ['192.168.0.1'] }),
    ...objects.filter((object) => !grantsMore(object)),
  ]);

  it('never changes the endpoints of a Service that it does not export to', () => {
    fc.assert(
      fc.property(own, hostileObjects, fc.array(hostileSlices, { maxLength: 3 }), (objects, east, slices) => {
        const others = (compilation: Compilation) =>
          portsOf(compilation)
            .filter(({ id }) => !isOfA(id))
            .map(({ hash: _hash, origin: _origin, ...ir }) => ir);
        // Only what is Karmada's word says that there is a cluster east at all.
        const quiet = compileObjects([...objects, dispatched('none', 'east', [])], { clusters: { east: [] } });
        const loud = compileObjects([...objects, dispatched('none', 'east', []), ...slices], { clusters: { east } });
        expect(others(loud)).toEqual(others(quiet));
      }),
      { numRuns: 300 },
    );
  });

  it('never changes local endpoints', () => {
    fc.assert(
      fc.property(own, hostileObjects, fc.array(hostileSlices, { maxLength: 3 }), (objects, east, slices) => {
        const local = (compilation: Compilation) =>
          compilation.endpoints
            .filter(({ cluster, inPools }) => cluster === undefined && inPools !== undefined)
            .map(({ service: of, portName, address, port, locality, ready, slice: { name } }) => [
              of,
              portName,
              address,
              port,
              locality,
              ready,
              name,
            ]);
        const localPools = (compilation: Compilation) => portsOf(compilation).map(({ id, pools }) => [id, pools.local]);
        const quiet = compileObjects(objects);
        const loud = compileObjects([...objects, ...slices], { clusters: { east } });
        expect(local(loud)).toEqual(local(quiet));
        expect(localPools(loud)).toEqual(localPools(quiet));
        // Whoever of ours is ready and in use stays in use: others can only join.
        const inUse = (compilation: Compilation) =>
          compilation.endpoints.filter(
            ({ cluster, ready, inPools }) => cluster === undefined && ready && inPools.cluster,
          );
        const after = new Set(inUse(loud).map(({ service: of, portName, address }) => `${of} ${portName} ${address}`));
        const gone = inUse(quiet).filter(
          ({ service: of, portName, address }) => !after.has(`${of} ${portName} ${address}`),
        );
        expect(gone.filter(({ service: of }) => !hasPreference(objects, of))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('may flap as it likes: no other Service is compiled anew', () => {
    const objects = [
      service('a'),
      service('b', { clusterIP: '10.96.0.2' }),
      slice('b', 'b-x', ['10.1.0.1']),
      slice('a', 'a-x', ['10.1.0.2']),
    ];
    fc.assert(
      fc.property(fc.array(fc.tuple(hostileSlices, fc.boolean()), { maxLength: 12 }), (events) => {
        const compiler = createToldCompiler({ settings: defaultSettings, nodeName: 'n1', localAddresses: undefined });
        compiler.apply(
          [...objects, dispatched('none', 'east', [])].map((object) => ({ cluster: undefined, object, gone: false })),
        );
        for (const [object, gone] of events) {
          const changes = compiler.apply([{ cluster: undefined, object, gone }]);
          expect([...changes.keys()].filter((id) => !isOfA(id))).toEqual([]);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('with a hundred thousand endpoints is one Service of many', () => {
    const wild = (i: number) => `10.${i % 7 === 0 ? 1 : 2}.${(i >> 8) % 256}.${i % 256}`;
    const slices = Array.from({ length: 100 }, (_, s) =>
      slice(
        'a',
        `east-${s}`,
        Array.from({ length: 1000 }, (_each, i) => wild(s * 1000 + i)),
        { by: 'dispatch', provisionCluster: 'east' },
      ),
    );
    const ours = [
      service('a'),
      slice('a', 'a-x', ['10.1.0.7']),
      service('b', { clusterIP: '10.96.0.2' }),
      slice('b', 'b-x', ['10.1.0.8']),
    ];
    const settings = { clusterCidrs: ['10.1.0.0/16' as Cidr] };
    const compilation = compileObjects([...ours, ...slices], { settings });
    const [a, b] = compilation.services.IPv4;
    const quiet = compileObjects(ours, { settings }).services.IPv4;
    expect(b).toEqual(quiet[1]);
    expect(a?.known.filter(({ address }) => address.startsWith('10.1.'))).toEqual(quiet[0]?.known);
    expect(a?.pools.cluster.length).toBeGreaterThan(50_000);
    expect(compilation.diagnostics.length).toBeLessThan(10);
  });
});

/** Services whose owner prefers other clusters, or near endpoints of any. */
function hasPreference(objects: readonly unknown[], key: string): boolean {
  return objects.some((object) => {
    const { kind, metadata, spec } = (object ?? {}) as {
      readonly kind?: string;
      readonly metadata?: { readonly name: string; readonly annotations?: object };
      readonly spec?: { readonly trafficDistribution?: unknown };
    };
    const isMeant = kind === 'Service' && `default/${metadata?.name}` === key;
    return isMeant && (spec?.trafficDistribution !== undefined || Object.keys(metadata?.annotations ?? {}).length > 0);
  });
}

it('a MultiClusterService and an export of one Service count once', () => {
  const east = [slice('a', 'a-e', ['10.1.0.1']), serviceExport('a')];
  const compilation = compileObjects([service('a'), multiClusterService('a')], {
    clusters: { east },
    settings: { ownCluster: parseClusterName('home') },
  });
  expect(compilation.endpoints.map(({ share }) => share)).toEqual([one]);
});
