import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDeletionGuard } from '../../compiler/deletion-guard.ts';
import { createCompiler } from '../../compiler/incremental.ts';
import { emptyRegistry } from '../../compiler/registry/registry.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { arbitraryLink, arbitraryService, arbitrarySlice } from '../helpers/arbitrary-cluster.ts';
import { compileObjects, registryOf } from '../helpers/compile.ts';
import { dispatched, multiClusterService, service, slice } from '../helpers/kubernetes.ts';
import { changesOf, type WrittenChange } from '../helpers/told.ts';

const context = {
  settings: defaultSettings,
  registry: registryOf({ member1: { state: 'Alive' } }),
  nodeName: 'n1',
  localAddresses: undefined,
};
const names = Array.from({ length: 40 }, (_, i) => `s${i}`);
const services = names.map((name, i) => service(name, { clusterIP: `10.96.1.${i}` }));
const remote = names.map((name, i) => dispatched(name, 'member1', [`10.10.0.${i}`]));
const put = (objects: readonly unknown[]) => objects.map((object) => ({ object, gone: false }));
const drop = (objects: readonly unknown[]) => objects.map((object) => ({ object, gone: true }));

/** A guard before a compiler, as an agent runs them. */
function start(registry = context.registry, objects: readonly unknown[] = remote) {
  const all = { ...context, registry };
  const compiler = createCompiler(all);
  const guard = createDeletionGuard(compiler.names);
  const apply = (changes: readonly WrittenChange[], nowMs: number) =>
    compiler.apply(guard.admit(changesOf(changes, all), nowMs));
  apply(put([...services, ...objects]), 0);
  const inUse = () => compiler.compilation().services.IPv4.filter(({ pools }) => pools.cluster.length > 0).length;
  return { compiler, guard, apply, inUse };
}

describe('G21: all slices of a cluster are deleted at once, and the registry says that it is alive', () => {
  it('they are held for 120 s, then let go', () => {
    const { guard, apply, inUse } = start();
    apply(drop(remote), 1_000);
    expect([inUse(), guard.held().length, guard.dueMs()]).toEqual([40, 40, 121_000]);
    apply([], 120_999);
    expect(inUse()).toBe(40);
    apply([], 121_000);
    expect([inUse(), guard.held(), guard.dueMs()]).toEqual([0, [], undefined]);
  });

  it('whatever comes back meanwhile is as it says', () => {
    const { apply, inUse, guard } = start();
    apply(drop(remote), 1_000);
    apply(put(remote.slice(0, 10)), 30_000);
    expect(guard.held()).toHaveLength(30);
    apply([], 200_000);
    expect(inUse()).toBe(10);
  });

  it('a Service that goes with its slice is not held', () => {
    const { apply, guard } = start();
    apply([...drop(remote), ...drop(services.slice(0, 5))], 1_000);
    expect(guard.held()).toHaveLength(35);
  });

  it('a cluster that was removed is not held', () => {
    const { compiler, apply, inUse, guard } = start();
    compiler.register(registryOf({ member1: { removed: true } }));
    apply(drop(remote), 1_000);
    expect([inUse(), guard.held()]).toEqual([0, []]);
  });
});

describe('what is no mass deletion goes at once', () => {
  it('one slice', () => {
    const { apply, inUse } = start();
    apply(drop(remote.slice(0, 1)), 1_000);
    expect(inUse()).toBe(39);
  });

  it('one slice after another, slower than the window', () => {
    const { apply, inUse } = start();
    remote.forEach((each, i) => apply(drop([each]), 1_000 + i * 2_000));
    expect(inUse()).toBe(0);
  });

  it('our own slices', () => {
    const { apply, inUse } = start();
    const own = names.map((name, i) => slice(name, `${name}-own`, [`10.0.0.${i}`]));
    apply(put(own), 500);
    apply(drop(own), 1_000);
    apply(drop(remote.slice(0, 1)), 2_000);
    expect(inUse()).toBe(39);
  });

  it('a slice that is deleted and made again', () => {
    const { apply, inUse, guard } = start();
    apply([...drop(remote), ...put(remote)], 1_000);
    expect([inUse(), guard.held()]).toEqual([40, []]);
  });
});

describe('whose a slice is, the compiler says', () => {
  const importedFrom = (cluster: string, some: readonly string[]) =>
    some.map((name, i) => slice(name, `imported-${cluster}-${name}-x`, [`10.20.0.${i}`], { by: 'import' }));

  it('clusters of which only objects speak are told apart, though their names begin alike', () => {
    const west = importedFrom('us-west', names.slice(0, 25));
    const east = [...names, ...names.map((name) => `${name}-b`)];
    const known = multiClusterService('s0', { providerClusters: [{ name: 'us-west' }, { name: 'us-east' }] });
    const { apply, guard } = start(emptyRegistry, [known, ...west, ...importedFrom('us-east', east)]);
    apply(drop(west), 1_000);
    expect(guard.heldByCluster()).toEqual(new Map([['us-west', 25]]));
  });

  it('what came back to the local cluster is ours, though only the cluster itself says what it is called', () => {
    const property = {
      apiVersion: 'about.k8s.io/v1beta1',
      kind: 'ClusterProperty',
      metadata: { name: 'cluster.clusterset.k8s.io' },
      spec: { value: 'home' },
    };
    const returned = names.map((name, i) => dispatched(name, 'home', [`10.30.0.${i}`]));
    const { apply, guard, inUse } = start(emptyRegistry, [property, ...returned]);
    apply(drop(returned), 1_000);
    expect([inUse(), guard.held()]).toEqual([0, []]);
  });

  it('what another source tells of the local cluster by its name is of the local cluster', () => {
    const { apply, guard } = start(
      registryOf({ home: { self: true, aliases: ['old-home' as ClusterName] }, member1: {} }),
    );
    apply(
      drop(remote).map((change) => ({ ...change, cluster: 'old-home' as ClusterName })),
      1_000,
    );
    expect(guard.held()).toHaveLength(40);
  });
});

describe('what happens in one batch happens in its order', () => {
  const fresh = dispatched('s0', 'member1', ['10.10.1.1'], {});

  it('a slice that is changed and then deleted is gone', () => {
    const { apply, compiler } = start();
    apply([...put([fresh]), ...drop([fresh])], 1_000);
    expect(compiler.compilation().endpoints.filter(({ service: of }) => of === 'default/s0')).toEqual([]);
  });

  it('a slice that is held and comes back as one of which nothing is used stays, and is spoken of', () => {
    const { apply, compiler, guard } = start();
    apply(drop(remote), 1_000);
    const [first, ...others] = remote;
    apply([...put([{ ...first, addressType: 'FQDN' }])], 2_000);
    expect(guard.held()).toHaveLength(others.length);
    apply([], 200_000);
    expect(compiler.compilation().diagnostics).toEqual(
      compileObjects([...services, { ...first, addressType: 'FQDN' }], { registry: context.registry }).diagnostics,
    );
  });

  it('a slice that is deleted, and made again as our own, is there', () => {
    const { apply, inUse, guard } = start();
    const native = names.map((name, i) => slice(name, `member1-${name}-x`, [`10.0.0.${i}`]));
    apply([...drop(remote), ...put(native)], 1_000);
    expect(guard.held()).toEqual([]);
    apply([], 200_000);
    expect(inUse()).toBe(40);
  });
});

it('once nothing is held, all is as compiling from nothing has it', () => {
  const object = fc.oneof(
    { weight: 1, arbitrary: arbitraryService },
    { weight: 6, arbitrary: arbitrarySlice },
    { weight: 1, arbitrary: arbitraryLink },
    {
      weight: 1,
      arbitrary: fc.constantFrom<Record<string, unknown>>(
        { ...dispatched('a', 'east', []), addressType: 'FQDN' },
        { ...dispatched('b', 'west', []), metadata: { namespace: 'default', name: 'west-b-x', labels: {} } },
      ),
    },
  );
  const event = fc.record({
    cluster: fc.constantFrom(undefined, undefined, undefined, 'north' as ClusterName),
    object,
    gone: fc.boolean(),
  });
  const eager = { windowMs: 10, minServices: 1, minPart: 0.3, holdMs: 20 };
  /** What chance alone seldom brings: slices of another cluster that are there, and later vanish at once. */
  const vanishing = ['v0', 'v1', 'v2'].map((name, i) => dispatched(name, 'east', [`10.10.1.${i}`]));
  const owners = vanishing.map((_, i) => service(`v${i}`, { clusterIP: `10.96.2.${i}` }));
  const batch = (gone: boolean, ...objects: readonly Record<string, unknown>[]) =>
    objects.map((one) => ({ cluster: undefined, object: one, gone }));
  const sequences = fc
    .tuple(fc.array(fc.array(event, { maxLength: 6 }), { maxLength: 8 }), fc.nat({ max: 8 }))
    .map(([some, at]) => [
      batch(false, ...owners, ...vanishing),
      ...some.slice(0, at),
      batch(true, ...vanishing),
      ...some.slice(at),
    ]);
  let held = 0;
  fc.assert(
    fc.property(sequences, (batches) => {
      const all = { ...context, registry: emptyRegistry };
      const compiler = createCompiler(all);
      const guard = createDeletionGuard(compiler.names, eager);
      const present = new Map<string, { cluster: ClusterName | undefined; object: Record<string, unknown> }>();
      for (const [i, events] of batches.entries()) {
        for (const { cluster, object: changed, gone } of events) {
          const { namespace, name } = changed.metadata as { namespace?: string; name: string };
          const key = JSON.stringify([cluster, changed.kind, namespace, name]);
          if (gone) present.delete(key);
          else present.set(key, { cluster, object: changed });
        }
        compiler.apply(guard.admit(changesOf(events, all), i * 5));
        held += guard.held().length;
      }
      compiler.apply(guard.admit([], 1_000));
      expect(guard.held()).toEqual([]);
      const of = (wanted: string | undefined) =>
        [...present.values()].filter(({ cluster }) => cluster === wanted).map((entry) => entry.object);
      const whole = compileObjects(of(undefined), { clusters: { north: of('north') } });
      expect(compiler.compilation()).toEqual(whole);
    }),
    { numRuns: 200 },
  );
  // Each of the 200 runs has its chance.
  expect(held).toBeGreaterThan(200);
});
