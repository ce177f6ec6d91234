import { describe, expect, it } from 'vitest';
import { kinds } from '../../controller/core/kinds.ts';
import {
  clusters,
  multiClusterService,
  nativeSlice,
  objectIn,
  serviceExport,
  slicesIn,
  target,
  webService,
} from './stories.ts';

/** What Karmada's own end-to-end tests assert. */

describe('MultiClusterService', () => {
  /** Three members with a pod each; a hub with the Service. */
  function start(providers: readonly string[], consumers: readonly string[]) {
    const field = clusters(['m1', 'm2', 'm3']);
    field.put(target('hub'), webService('serve'), multiClusterService('serve', providers, consumers));
    // A member's own controller makes a slice wherever the Service comes to be.
    for (const [i, member] of ['m1', 'm2', 'm3'].entries()) {
      field.put(target(member), nativeSlice('serve', member, [`10.${10 + i}.0.1`]));
    }
    return field;
  }

  it('case 1: from one to another', () => {
    const field = start(['m1'], ['m2']);
    field.settle();
    expect(slicesIn(field, 'm2', 'serve')).toEqual({ 'm1-serve-m1': ['10.10.0.1'], 'serve-m2': ['10.11.0.1'] });
    expect(objectIn(field, 'm3', 'service', 'serve')).toBeUndefined();
  });

  it('case 2: a consumer that provides too gets nothing of its own', () => {
    const field = start(['m1', 'm2'], ['m2']);
    field.settle();
    expect(slicesIn(field, 'm2', 'serve')).toEqual({ 'm1-serve-m1': ['10.10.0.1'], 'serve-m2': ['10.11.0.1'] });
    expect(slicesIn(field, 'm1', 'serve')).toEqual({ 'serve-m1': ['10.10.0.1'] });
  });

  it('case 3: roles are exchanged, and a cluster that nobody knows is named', () => {
    const field = start(['m1'], ['m2']);
    field.settle();
    field.put(target('hub'), multiClusterService('serve', ['m2'], ['m1', 'atlantis']));
    const { events } = field.settle();
    expect(slicesIn(field, 'm1', 'serve')).toEqual({ 'm2-serve-m2': ['10.11.0.1'], 'serve-m1': ['10.10.0.1'] });
    expect(slicesIn(field, 'm2', 'serve')).toEqual({ 'serve-m2': ['10.11.0.1'] });
    expect(events).toContainEqual(expect.objectContaining({ type: 'Warning', reason: 'ClusterNotFound' }));
  });

  it('case 4: all provide', () => {
    const field = start([], ['m2']);
    field.settle();
    expect(Object.keys(slicesIn(field, 'm2', 'serve'))).toEqual(['m1-serve-m1', 'm3-serve-m3', 'serve-m2']);
    expect(Object.keys(slicesIn(field, 'm1', 'serve'))).toEqual(['serve-m1']);
  });

  it('case 5: all consume', () => {
    const field = start(['m1'], []);
    field.settle();
    const names = ['m1', 'm2', 'm3'].map((member) => Object.keys(slicesIn(field, member, 'serve')));
    expect(names).toEqual([['serve-m1'], ['m1-serve-m1', 'serve-m2'], ['m1-serve-m1', 'serve-m3']]);
  });

  it('case 6: everyone with everyone', () => {
    const field = start([], []);
    const { statuses } = field.settle();
    expect(Object.keys(slicesIn(field, 'm2', 'serve'))).toEqual(['m1-serve-m1', 'm3-serve-m3', 'serve-m2']);
    expect(statuses.flatMap(({ conditions }) => conditions.map(({ type, status }) => `${type}=${status}`))).toEqual([
      'ServiceApplied=True',
      'EndpointSliceDispatched=True',
      'ServiceConflict=False',
      'TwoDispatchers=False',
    ]);
  });
});

describe('ServiceExport and ServiceImport', () => {
  const toCluster = (name: string, kind: string, cluster: string) => ({
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: 'PropagationPolicy',
    metadata: { name, namespace: 'default' },
    spec: {
      resourceSelectors: [{ apiVersion: 'multicluster.x-k8s.io/v1alpha1', kind, name: 'serve' }],
      placement: { clusterAffinity: { clusterNames: [cluster] } },
    },
  });
  const serviceImport = {
    apiVersion: 'multicluster.x-k8s.io/v1alpha1',
    kind: 'ServiceImport',
    metadata: { name: 'serve', namespace: 'default' },
    spec: {
      type: 'ClusterSetIP',
      ports: [
        { name: 'tcp', port: 42, protocol: 'TCP' },
        { name: 'udp', port: 42, protocol: 'UDP' },
      ],
    },
  };

  function exported() {
    const field = clusters(['m1', 'm2']);
    field.put(target('m1'), webService('serve'), nativeSlice('serve', 'm1', ['10.10.0.1']));
    field.put(target('hub'), serviceExport('serve'), toCluster('export', 'ServiceExport', 'm1'));
    return field;
  }

  it('case 1: exported, the hub has a slice with one endpoint', () => {
    const field = exported();
    field.settle();
    expect(slicesIn(field, 'hub', 'derived-serve')).toEqual({ 'imported-m1-serve-m1': ['10.10.0.1'] });
    expect(objectIn(field, 'm1', 'serviceExport', 'serve')).toBeDefined();
    expect(slicesIn(field, 'm2', 'derived-serve')).toEqual({});
  });

  it('case 2: imported, the consumer has the derived Service with both ports, and the slices', () => {
    const field = exported();
    field.put(target('hub'), serviceImport, toCluster('import', 'ServiceImport', 'm2'));
    const { events } = field.settle();
    expect(objectIn(field, 'm2', 'service', 'derived-serve')?.fields.spec).toMatchObject({
      type: 'ClusterIP',
      ports: [
        { name: 'tcp', port: 42, protocol: 'TCP' },
        { name: 'udp', port: 42, protocol: 'UDP' },
      ],
    });
    expect(slicesIn(field, 'm2', 'derived-serve')).toEqual({ 'imported-m1-serve-m1': ['10.10.0.1'] });
    expect(events).toContainEqual(expect.objectContaining({ type: 'Normal', reason: 'SyncDerivedServiceSucceed' }));
  });

  it('case 3: two pods are two endpoints', () => {
    const field = exported();
    field.put(target('hub'), serviceImport, toCluster('import', 'ServiceImport', 'm2'));
    field.settle();
    field.put(target('m1'), nativeSlice('serve', 'm1', ['10.10.0.1', '10.10.0.2']));
    const { writes } = field.settle();
    expect(slicesIn(field, 'm2', 'derived-serve')).toEqual({ 'imported-m1-serve-m1': ['10.10.0.1', '10.10.0.2'] });
    expect(writes).toHaveLength(2);
  });

  it('names what cannot be: a name too long, a headless import', () => {
    const field = clusters(['m1']);
    const name = 'a'.repeat(56);
    field.put(target('m1'), { ...serviceImport, metadata: { name, namespace: 'default' } });
    field.put(target('m1'), {
      ...serviceImport,
      metadata: { name: 'still', namespace: 'default' },
      spec: { type: 'Headless', ports: [] },
    });
    const { events } = field.settle();
    expect(events.map(({ reason }) => reason).sort()).toEqual(['ImportIgnored', 'SyncDerivedServiceFailed']);
    expect(field.caches.get(target('m1'))?.all(kinds.service)).toEqual([]);
  });
});
