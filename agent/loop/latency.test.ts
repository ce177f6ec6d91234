import { describe, expect, it } from 'vitest';
import { createCompiler } from '../../compiler/incremental.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { registryOf } from '../../test/helpers/compile.ts';
import { dispatched, imported, service, serviceImport, slice } from '../../test/helpers/kubernetes.ts';
import { changesOf, type WrittenChange } from '../../test/helpers/told.ts';
import { applyChanges, createLatencyMeter } from './latency.ts';
import { createServiceTable } from './service-table.ts';

const context = {
  settings: defaultSettings,
  registry: registryOf({ home: { self: true }, member1: { aliases: ['old-member1' as ClusterName] } }),
  nodeName: 'n1',
  localAddresses: undefined,
};
const put = (...objects: readonly unknown[]) => objects.map((object) => ({ object, gone: false }));
const drop = (...objects: readonly unknown[]) => objects.map((object) => ({ object, gone: true }));

/** A compiler that took in the objects before the meter began, and the meter's result for each later batch. */
function start(...before: readonly unknown[]) {
  const compiler = createCompiler(context);
  const table = createServiceTable();
  const clock = { ms: 0 };
  const meter = createLatencyMeter({ nowMs: () => clock.ms, wallMs: () => Date.UTC(2026, 0, 1) + clock.ms });
  const take = (changes: readonly WrittenChange[]): void => {
    const arrivals = changesOf(changes, context).map((change) => ({ ...change, atMs: clock.ms }));
    const { ports, applied } = applyChanges(compiler, arrivals);
    meter.arrived(applied, table.apply(ports).IPv4);
  };
  take(put(...before));
  meter.inForce();
  return {
    take,
    /** After so many more milliseconds. */
    inForce(ms = 0) {
      clock.ms += ms;
      const { programming, byCluster, network } = meter.inForce();
      return { programming, clusters: [...byCluster.keys()], network };
    },
  };
}

const web = service('web');
const stamped = (time: string) =>
  slice('web', 'web-x', [`10.1.0.${Number(time)}`], {
    annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': `2026-01-01T00:00:${time}Z` },
  });

describe('a change is measured', () => {
  it('from its arrival, and from what caused it, until it is in force', () => {
    const { take, inForce } = start(web);
    take(put(stamped('01')));
    expect(inForce(3_000)).toEqual({ programming: [3_000], clusters: ['local'], network: [2_000] });
    expect(inForce()).toEqual({ programming: [], clusters: [], network: [] });
  });

  it('if it is a deletion, of which a server tells no more than the name', () => {
    const { take, inForce } = start(web, dispatched('web', 'member1', ['10.10.0.1']));
    take(drop(dispatched('web', 'member1', [])));
    expect(inForce(5)).toMatchObject({ programming: [5], clusters: ['member1'] });
  });

  it('but not from its cause if the slice is gone before it is in force', () => {
    const { take, inForce } = start(web, slice('web', 'web-y', ['10.1.0.99']));
    take(put(stamped('01')));
    take(drop(stamped('01')));
    expect(inForce(3_000)).toMatchObject({ programming: [3_000, 3_000], network: [] });
    take(put(stamped('04')).concat(drop(stamped('04'))));
    expect(inForce(3_000)).toMatchObject({ network: [] });
  });

  it('if its manifest says no namespace', () => {
    const { metadata, ...rest } = service('web');
    const { take, inForce } = start();
    take(put({ ...rest, metadata: { name: metadata.name } }));
    expect(inForce()).toMatchObject({ programming: [0] });
  });

  it('if it is of a ServiceImport or a slice that feeds one', () => {
    const { take, inForce } = start();
    take(put(serviceImport('shop'), imported('shop', 'member1', ['10.10.0.1'])));
    expect(inForce()).toMatchObject({ programming: [0, 0], clusters: ['local', 'member1'] });
  });

  it('if it changes something: neither a Service of another API group nor of another name does', () => {
    const { take, inForce } = start(web);
    take(put({ ...web, apiVersion: 'serving.knative.dev/v1' }, service('other', { clusterIP: 'None' }), stamped('01')));
    expect(inForce()).toMatchObject({ programming: [0] });
  });
});

describe('a change is counted for the cluster whose slice it is, by the rules of the compiler', () => {
  const clusterOf = (changed: unknown, cluster?: string) => {
    const { take, inForce } = start(web, slice('web', 'web-y', ['10.1.0.99']));
    take([{ object: changed, gone: false, cluster: cluster as ClusterName | undefined }]);
    return inForce().clusters;
  };

  it.each<[string, unknown, string]>([
    ['by its name', slice('web', 'imported-member1-web-x', ['10.10.0.1'], { by: 'import' }), 'member1'],
    ['by an alias', dispatched('web', 'old-member1', ['10.10.0.1']), 'member1'],
    ['our own, which came back', dispatched('web', 'home', ['10.1.0.1']), 'local'],
    [
      'our own, whatever labels its controller copied',
      slice('web', 'web-x', ['10.1.0.1'], { labels: { 'multicluster.kubernetes.io/source-cluster': 'member1' } }),
      'local',
    ],
    [
      'one that nobody knows',
      dispatched('web', 'x', ['10.10.0.1'], { provisionCluster: 'Not A Name' }),
      'unknown:notaname',
    ],
  ])('%s', (_name, changed, cluster) => {
    expect(clusterOf(changed)).toEqual([cluster]);
  });

  it('our own, where a source calls our cluster by its name', () => {
    expect(clusterOf(slice('web', 'web-x', ['10.1.0.1']), 'home')).toEqual(['local']);
  });
});
