import { describe, expect, it } from 'vitest';
import { createDeletionGuard } from '../../compiler/deletion-guard.ts';
import { createCompiler, type ObjectChange } from '../../compiler/incremental.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import { dispatched, service, slice } from '../helpers/kubernetes.ts';
import { registryOf } from '../helpers/compile.ts';

const context = {
  settings: defaultSettings,
  registry: registryOf({ member1: { state: 'Alive' } }),
  nodeName: 'n1',
  localAddresses: undefined,
};
interface Named {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly namespace: string; readonly name: string };
}

const names = Array.from({ length: 40 }, (_, i) => `s${i}`);
const services = names.map((name, i) => service(name, { clusterIP: `10.96.1.${i}` }));
const remote = names.map((name, i) => dispatched(name, 'member1', [`10.10.0.${i}`]));
const change = (object: unknown, gone = false): ObjectChange => ({ cluster: undefined, object, gone });
const put = (objects: readonly unknown[]) => objects.map((object) => change(object));
/** Only so much is told of what is gone. */
const drop = (objects: readonly Named[]) =>
  objects.map(({ apiVersion, kind, metadata: { namespace, name } }) =>
    change({ apiVersion, kind, metadata: { namespace, name } }, true),
  );

/** A guard before a compiler, as an agent runs them. */
function start() {
  const guard = createDeletionGuard(context);
  const compiler = createCompiler(context);
  const apply = (changes: readonly ObjectChange[], nowMs: number) => compiler.apply(guard.admit(changes, nowMs));
  apply(put([...services, ...remote]), 0);
  const inUse = () => compiler.compilation().services.IPv4.filter(({ pools }) => pools.cluster.length > 0).length;
  return { guard, apply, inUse };
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
    const { apply, inUse, guard } = start();
    guard.register(registryOf({ member1: { removed: true } }));
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
