import { expect, it } from 'vitest';
import type { ObjectChange } from '../../compiler/change.ts';
import type { RegisteredCluster } from '../../compiler/registry/registry.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import { formatDiagnostic } from '../../compiler/values/diagnostic.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { service } from '../../test/helpers/kubernetes.ts';
import { changesOf, type WrittenChange } from '../../test/helpers/told.ts';
import { createClusterLeases } from './leases.ts';
import { parseRegistry } from '../input/registry.ts';
import type { Arrival } from '../sources/board.ts';

const registry = parseRegistry(
  {
    apiVersion: 'slicewright.dev/v1alpha1',
    kind: 'ClusterRegistry',
    clusters: [{ id: 'east', aliases: ['old-east', 'older-east'] }, { id: 'west' }],
  },
  'registry.yaml',
);
const [east, west] = registry.clusters as [RegisteredCluster, RegisteredCluster];

const arrival = (
  name: string,
  renewTime: unknown,
  { namespace = 'ns', atMs = 0, gone = false, cluster = undefined as string | undefined, registry: by = registry } = {},
): Arrival => {
  const object = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace },
    spec: { renewTime, leaseDurationSeconds: 40 },
  };
  return arrivalOf({ cluster: cluster as ClusterName | undefined, object, gone }, atMs, by);
};
const arrivalOf = (change: WrittenChange, atMs: number, by = registry): Arrival => {
  const [read] = changesOf([change], { settings: defaultSettings, registry: by }) as [ObjectChange];
  return { ...read, atMs };
};

const start = () => {
  const leases = createClusterLeases(registry, 'ns');
  const stampOf = (cluster: RegisteredCluster) => leases.of(cluster)?.lease.stamp;
  return { leases, stampOf };
};

it('Leases count that are in the namespace and named after a registered cluster; nothing else gets past', () => {
  const { leases, stampOf } = start();
  const other = arrivalOf({ object: service('web'), gone: false }, 0);
  const others = leases.take([
    arrival('east', 'a'),
    other,
    arrival('west', 'b', { namespace: 'default' }),
    arrival('slicewright-controller', 'c'),
    arrival('west', 'd', { cluster: 'east' }),
  ]);
  expect(others).toEqual([other]);
  expect([stampOf(east), stampOf(west)]).toEqual(['a', undefined]);
});

it('a source that calls the local cluster by its name may tell of Leases too', () => {
  const named = {
    ...registry,
    clusters: [...registry.clusters, { ...west, id: 'home' as ClusterName, self: true }],
  };
  const leases = createClusterLeases(named, 'ns');
  const tell = (cluster: string, renewTime: string) =>
    leases.take([arrival('east', renewTime, { cluster, registry: named })]);
  tell('home', 'a');
  tell('west', 'b');
  expect(leases.of(east)?.lease.stamp).toBe('a');
});

it('of several names of a cluster its id counts, then its aliases in order', () => {
  const { leases, stampOf } = start();
  leases.take([arrival('older-east', '3'), arrival('old-east', '2'), arrival('east', '1')]);
  expect(stampOf(east)).toBe('1');
  leases.take([arrival('east', '1', { gone: true })]);
  expect(stampOf(east)).toBe('2');
});

it('a stamp is as old as its last change, and a Lease that cannot be used is none', () => {
  const { leases } = start();
  leases.take([arrival('east', 'a', { atMs: 5 })]);
  leases.take([arrival('east', 'a', { atMs: 9 })]);
  expect(leases.of(east)?.changedMs).toBe(5);
  leases.take([arrival('east', 'b', { atMs: 12 })]);
  expect(leases.of(east)?.changedMs).toBe(12);
  expect(leases.news()).toBeUndefined();
  leases.take([arrival('east', null, { atMs: 15 })]);
  expect(leases.of(east)).toBeUndefined();
  expect(leases.news()?.map(formatDiagnostic)).toEqual([
    'warning: Lease ns/east spec.renewTime: is missing; the Lease is ignored',
  ]);
  expect(leases.news()).toBeUndefined();
  leases.take([arrival('east', 'c')]);
  expect(leases.news()).toEqual([]);
});

it('without a namespace none counts', () => {
  const leases = createClusterLeases(registry, undefined);
  expect(leases.take([arrival('east', 'a'), arrival('east', 'a', { namespace: 'default' })])).toEqual([]);
  expect(leases.of(east)).toBeUndefined();
});
