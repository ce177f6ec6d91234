import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { copiesIn, type Live, objectsIn, startLive, writesTo } from './live.ts';
import { multiClusterService, nativeSlice, serviceExport, webService } from './stories.ts';

let live: Live;
afterEach(() => live.close());

/** Nothing is written any more: what was is over, and stays as it is. */
async function atRest(): Promise<void> {
  const count = () => [...live.doubles.values()].reduce((sum, double) => sum + writesTo(double).length, 0);
  for (let before = -1; before !== count(); ) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

const policy = (name: string, selectors: readonly object[], clusterNames: readonly string[]) => ({
  apiVersion: 'policy.karmada.io/v1alpha1',
  kind: 'PropagationPolicy',
  metadata: { name, namespace: 'default' },
  spec: { resourceSelectors: selectors, placement: { clusterAffinity: { clusterNames } } },
});

describe('with a hub', () => {
  it('a MultiClusterService brings Service and slices to every cluster, says so, and goes without a trace', async () => {
    live = await startLive(['hub', 'm1', 'm2']);
    const [hub, m1, m2] = ['hub', 'm1', 'm2'].map(live.at) as [
      ReturnType<Live['at']>,
      ReturnType<Live['at']>,
      ReturnType<Live['at']>,
    ];
    hub.apply(webService('serve'));
    hub.apply(multiClusterService('serve', [], []));
    m1.apply(nativeSlice('serve', 'm1', ['10.10.0.1']));
    const running = live.start();
    await eventually(() => expect(copiesIn(m2)).toEqual({ 'm1 serve': ['10.10.0.1'] }));
    expect(objectsIn(m1, 'Service')).toHaveLength(1);
    await eventually(() => {
      const [mcs] = objectsIn(hub, 'MultiClusterService') as {
        status?: { conditions: { type: string; status: string }[] };
      }[];
      expect(mcs?.status?.conditions.map(({ type, status }) => `${type}=${status}`)).toContain(
        'EndpointSliceDispatched=True',
      );
    });
    await eventually(() => {
      const reasons = objectsIn(hub, 'Event').map((event) => event['reason']);
      expect(reasons).toContain('SyncServiceSucceed');
    });
    m1.apply(nativeSlice('serve', 'm1', ['10.10.0.1', '10.10.0.2']));
    await eventually(() => expect(copiesIn(m2)).toEqual({ 'm1 serve': ['10.10.0.1', '10.10.0.2'] }));
    await atRest();
    const before = [...live.doubles.values()].map((double) => writesTo(double).length);
    expect([...live.doubles.values()].map((double) => writesTo(double).length)).toEqual(before);

    hub.remove('MultiClusterService', 'default', 'serve');
    await eventually(() => {
      expect(copiesIn(m2)).toEqual({});
      expect([...objectsIn(m1, 'Service'), ...objectsIn(m2, 'Service')]).toEqual([]);
    });
    await running.stop();
  });

  it('policies send Deployments and definitions, and what they name no more is removed', async () => {
    live = await startLive(['hub', 'm1', 'm2'], ['policy.karmada.io', 'networking.karmada.io']);
    const hub = live.at('hub');
    live.start();
    hub.apply({
      kind: 'CustomResourceDefinition',
      metadata: { name: 'serviceexports.multicluster.x-k8s.io' },
      spec: { group: 'multicluster.x-k8s.io', names: { kind: 'ServiceExport', plural: 'serviceexports' } },
    });
    hub.apply({ kind: 'Deployment', metadata: { name: 'web', namespace: 'default' }, spec: { replicas: 2 } });
    hub.apply(policy('p', [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }], ['m2']));
    hub.apply({
      apiVersion: 'policy.karmada.io/v1alpha1',
      kind: 'ClusterPropagationPolicy',
      metadata: { name: 'crds' },
      spec: { resourceSelectors: [{ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' }] },
    });
    await eventually(() => {
      expect(objectsIn(live.at('m2'), 'Deployment')).toMatchObject([{ spec: { replicas: 2 } }]);
      for (const member of ['m1', 'm2']) expect(objectsIn(live.at(member), 'CustomResourceDefinition')).toHaveLength(1);
    });
    expect(objectsIn(live.at('m1'), 'Deployment')).toEqual([]);
    hub.apply(policy('p', [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }], ['m1']));
    await eventually(() => {
      expect(objectsIn(live.at('m1'), 'Deployment')).toHaveLength(1);
      expect(objectsIn(live.at('m2'), 'Deployment')).toEqual([]);
    });
    hub.remove('PropagationPolicy', 'default', 'p');
    await eventually(() => expect(objectsIn(live.at('m1'), 'Deployment')).toEqual([]));
  });

  it('an export and an import, each sent by a policy, meet in a derived Service', async () => {
    live = await startLive(['hub', 'm1', 'm2']);
    const hub = live.at('hub');
    live.start();
    hub.apply(webService('serve'));
    hub.apply(policy('workload', [{ apiVersion: 'v1', kind: 'Service', name: 'serve' }], ['m1']));
    hub.apply(serviceExport('serve'));
    hub.apply(
      policy(
        'export',
        [{ apiVersion: 'multicluster.x-k8s.io/v1alpha1', kind: 'ServiceExport', name: 'serve' }],
        ['m1'],
      ),
    );
    hub.apply({
      kind: 'ServiceImport',
      metadata: { name: 'serve', namespace: 'default' },
      spec: { type: 'ClusterSetIP', ports: [{ port: 80, protocol: 'TCP' }] },
    });
    hub.apply(
      policy(
        'import',
        [{ apiVersion: 'multicluster.x-k8s.io/v1alpha1', kind: 'ServiceImport', name: 'serve' }],
        ['m2'],
      ),
    );
    live.at('m1').apply(nativeSlice('serve', 'm1', ['10.10.0.1']));
    await eventually(() => expect(copiesIn(live.at('m2'))).toEqual({ 'm1 derived-serve': ['10.10.0.1'] }));
    await eventually(() => {
      const [exported] = objectsIn(live.at('m1'), 'ServiceExport') as {
        status?: { conditions: { type: string; status: string }[] };
      }[];
      expect(exported?.status?.conditions.map(({ type, status }) => `${type}=${status}`)).toEqual([
        'Valid=True',
        'Ready=True',
        'Conflict=False',
      ]);
    });
  });
});

describe('without a hub', () => {
  it.each([['v1alpha1'], ['v1beta1']])('exports become imports in every cluster (%s)', async (version) => {
    live = await startLive(['c1', 'c2', 'c3']);
    if (version === 'v1beta1')
      for (const double of live.doubles.values()) double.served.add('multicluster.x-k8s.io/v1beta1');
    live.start();
    const c1 = live.at('c1');
    c1.apply(webService('hello'));
    c1.apply(serviceExport('hello'));
    c1.apply(nativeSlice('hello', 'c1', ['10.1.0.1']));
    for (const cluster of ['c1', 'c2', 'c3']) {
      await eventually(() => {
        const [made] = objectsIn(live.at(cluster), 'ServiceImport') as {
          metadata: { uid: string };
          spec: { ips?: string[] };
          status?: object;
        }[];
        expect(made?.spec.ips).toHaveLength(1);
        expect(made?.status).toMatchObject({
          clusters: [{ cluster: 'c1' }],
          conditions: [{ type: 'Ready', status: 'True' }],
        });
        const copies = objectsIn(live.at(cluster), 'EndpointSlice').filter(({ metadata }) =>
          JSON.stringify(metadata).includes('source-cluster'),
        );
        expect(copies).toMatchObject([
          { metadata: { ownerReferences: [{ kind: 'ServiceImport', uid: made?.metadata.uid, controller: false }] } },
        ]);
      });
    }
    await atRest();
    const requests = writesTo(live.at('c2'));
    expect(requests.every((line) => !line.includes(`/${version === 'v1beta1' ? 'v1alpha1' : 'v1beta1'}/`))).toBe(true);
    c1.remove('ServiceExport', 'default', 'hello');
    await eventually(() => {
      for (const cluster of ['c1', 'c2', 'c3']) {
        expect(objectsIn(live.at(cluster), 'ServiceImport')).toEqual([]);
        expect(copiesIn(live.at(cluster))).toEqual({});
      }
    });
  });
});
