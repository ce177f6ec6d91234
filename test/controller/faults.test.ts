import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import type { ServerResponse } from 'node:http';
import { resources } from '../apiserver/resources.ts';
import { refuse } from '../apiserver/faults.ts';
import { copiesIn, type Live, objectsIn, startLive, writesTo } from './live.ts';
import { controllerStatus } from '../../controller/status.ts';
import { answerAs, condition, isWrite, pause, served, startShared, stop } from './shared.ts';
import { multiClusterService, nativeSlice, serviceExport, webService } from './stories.ts';

/** What bad input and faults get: nothing live is deleted by mistake, no endless writing, and a word of what is wrong. */

let live: Live;
afterEach(() => live.close());

const namespaceKind = resources.find(({ kind }) => kind === 'Namespace') ?? ({} as never);

describe('a member that is away', () => {
  it('at the start keeps the others waiting for a while and no longer, and gets its part when it comes', async () => {
    live = await startShared();
    stop(live.at('m3'));
    const running = live.start({ startMs: 200 });
    await eventually(() => expect(copiesIn(live.at('m2'))).toEqual(served));
    expect(running.log.join('\n')).toContain('does not answer yet');
    live.at('m3').faults = {};
    await eventually(() => expect(copiesIn(live.at('m3'))).toEqual(served));
  });

  it('at the start, after it had given slices, costs nobody anything', async () => {
    live = await startShared();
    const first = live.start();
    await eventually(() => expect(copiesIn(live.at('m3'))).toEqual(served));
    await first.stop();
    stop(live.at('m1'));
    const second = live.start({ startMs: 100, identity: 'two' });
    await eventually(() => expect(second.controller.loop.report().isStarted).toBe(true));
    await eventually(() =>
      expect([...second.controller.loop.report().withheld.values()].flat().map(({ why }) => why)).toEqual([
        'unread',
        'unread',
      ]),
    );
    for (const member of ['m2', 'm3']) expect(copiesIn(live.at(member))).toEqual(served);
  });

  it('in the middle stays with what it had, and its Leases are renewed no more', async () => {
    live = await startShared();
    live.start();
    await eventually(() => expect(copiesIn(live.at('m2'))).toEqual(served));
    const stamp = (source = 'm1') =>
      objectsIn(live.at('m2'), 'Lease')
        .filter(({ metadata }) => (metadata as { name: string }).name === source)
        .map(({ spec }) => (spec as { renewTime: string }).renewTime)[0];
    await eventually(() => expect(stamp()).toBeDefined());
    stop(live.at('m1'));
    await pause(400);
    const last = stamp();
    // Those of others are, twice.
    for (let i = 0; i < 2; i++) {
      const before = stamp('m3');
      await eventually(() => expect(stamp('m3')).not.toBe(before));
    }
    live.at('hub').apply(webService('serve', { ports: [{ port: 81, protocol: 'TCP', targetPort: 8080 }] }));
    await eventually(() =>
      expect(objectsIn(live.at('m2'), 'Service')).toMatchObject([{ spec: { ports: [{ port: 81 }] } }]),
    );
    expect(copiesIn(live.at('m2'))).toEqual(served);
    expect(stamp()).toBe(last);
    live.at('m1').faults = {};
    live.at('m1').apply(nativeSlice('serve', 'm1', ['10.10.0.2']));
    await eventually(() => expect(copiesIn(live.at('m2'))).toEqual({ 'm1 serve': ['10.10.0.2'] }));
    await eventually(() => expect(stamp()).not.toBe(last));
  });
});

describe('an API server that does not take writes', () => {
  it('with conflicts on every one is asked less and less often, and a condition says why', async () => {
    live = await startShared(['m1', 'm2']);
    live.at('m2').faults = {
      beforeAnswer: (url, response, request) => {
        if (isWrite(request.method, url)) refuse(response, 409, 'the object has been modified');
      },
    };
    live.start();
    await eventually(() =>
      expect(condition(live.at('hub'), 'MultiClusterService', 'ServiceApplied')).toContain(
        'False: m2: 409 the object has been modified',
      ),
    );
    const before = writesTo(live.at('m2')).length;
    await pause(1000);
    // At most one each 100 ms by then: half of the longest wait of this test.
    expect(writesTo(live.at('m2')).length - before).toBeLessThanOrEqual(22);
    live.at('m2').faults = {};
    await eventually(() =>
      expect(condition(live.at('hub'), 'MultiClusterService', 'EndpointSliceDispatched')).toContain('True'),
    );
    expect(copiesIn(live.at('m2'))).toEqual(served);
  });

  it('with 429 is left alone for as long as it asks, and the others are not', async () => {
    live = await startShared();
    let refused = 0;
    const writtenMs: number[] = [];
    const limit = (url: URL, response: ServerResponse, method: string | undefined): void => {
      if (!isWrite(method, url)) return;
      writtenMs.push(performance.now());
      if (refused >= 1) return;
      refused += 1;
      refuse(response, 429, 'too many requests', { 'retry-after': '1' });
    };
    live.at('m2').faults = { beforeAnswer: (url, response, request) => limit(url, response, request.method) };
    live.start();
    await eventually(() => expect(copiesIn(live.at('m3'))).toEqual(served));
    const beforeM2 = writesTo(live.at('m2')).length;
    expect(beforeM2).toBe(1);
    await eventually(() => expect(copiesIn(live.at('m2'))).toEqual(served));
    // Never sooner than it asked for.
    expect((writtenMs[1] ?? 0) - (writtenMs[0] ?? 0)).toBeGreaterThan(990);
    expect(refused).toBe(1);
  });

  it('since it refuses one kind, takes all others', async () => {
    live = await startShared(['m1', 'm2']);
    live.at('m2').faults = { forbidden: ['serviceexports'] };
    const running = live.start({ startMs: 200 });
    await eventually(() => expect(copiesIn(live.at('m2'))).toEqual(served));
    const m2 = running.controller.members.get('m2' as never);
    expect([...(m2?.problems.keys() ?? [])]).toEqual(['ServiceExport.multicluster.x-k8s.io']);
  });

  it('since its Leases are refused, is written by nobody, and the condition says so', async () => {
    live = await startShared();
    live.at('m2').faults = { forbidden: ['leases'] };
    const running = live.start({ startMs: 200 });
    await eventually(() => expect(copiesIn(live.at('m3'))).toEqual(served));
    await eventually(() =>
      expect(condition(live.at('hub'), 'MultiClusterService', 'ServiceApplied')).toContain(
        'False: m2: Service default/serve is not written yet: no replica writes there, cannot read the Lease',
      ),
    );
    expect(writesTo(live.at('m2'))).toEqual([]);
    expect(controllerStatus(running.controller, 'one', 0).clusters.map(({ writer }) => writer)).toEqual([
      'one',
      'one',
      '',
      'one',
    ]);
    live.at('m2').faults = {};
    await eventually(() => expect(copiesIn(live.at('m2'))).toEqual(served));
  });

  it('since it lacks a definition, has its condition and is left out alone', async () => {
    live = await startShared(['m1', 'm2']);
    live.at('m2').uninstall('multicluster.x-k8s.io');
    const hub = live.at('hub');
    hub.apply(serviceExport('serve'));
    hub.apply({
      apiVersion: 'policy.karmada.io/v1alpha1',
      kind: 'PropagationPolicy',
      metadata: { name: 'p', namespace: 'default' },
      spec: { resourceSelectors: [{ apiVersion: 'multicluster.x-k8s.io/v1alpha1', kind: 'ServiceExport' }] },
    });
    live.start();
    await eventually(() => {
      expect(objectsIn(live.at('m1'), 'ServiceExport')).toHaveLength(1);
      expect(copiesIn(live.at('m2'))).toEqual(served);
      expect(condition(hub, 'ServiceExport', 'Propagated')).toContain(
        'm2 does not serve ServiceExport: install its CRD',
      );
    });
    live.at('m2').installed.add('multicluster.x-k8s.io');
    await eventually(() => {
      expect(objectsIn(live.at('m2'), 'ServiceExport')).toHaveLength(1);
      expect(condition(hub, 'ServiceExport', 'Propagated')).toContain('True');
    });
  });
});

describe('objects of others', () => {
  const own = {
    kind: 'Service',
    metadata: { name: 'serve', namespace: 'default', labels: { owner: 'them' } },
    spec: { ports: [{ port: 81 }], selector: { app: 'else' } },
  };

  it('stay as they are until their owner hands them over', async () => {
    live = await startShared(['m1', 'm2']);
    live.at('m2').apply(own);
    live.start();
    await eventually(() =>
      expect(condition(live.at('hub'), 'MultiClusterService', 'ServiceConflict')).toContain(
        'True: m2 has a Service default/serve',
      ),
    );
    expect(objectsIn(live.at('m2'), 'Service')).toMatchObject([{ spec: { selector: { app: 'else' } } }]);
    expect(copiesIn(live.at('m2'))).toEqual({});
    await eventually(() =>
      expect(objectsIn(live.at('hub'), 'Event').map(({ reason }) => reason)).toContain('ServiceConflict'),
    );
    live.at('m2').apply({ ...own, metadata: { ...own.metadata, annotations: { 'slicewright.dev/adopt': 'true' } } });
    await eventually(() => {
      expect(objectsIn(live.at('m2'), 'Service')).toMatchObject([
        { spec: { selector: { app: 'serve' } }, metadata: { labels: { owner: 'them' } } },
      ]);
      expect(copiesIn(live.at('m2'))).toEqual(served);
    });
  });

  it('stay as they are although they came in the very moment', async () => {
    live = await startShared(['m1', 'm2']);
    const m2 = live.at('m2');
    let came = false;
    m2.faults = {
      beforeAnswer: (url, _response, request) => {
        if (came || request.method !== 'PATCH' || !url.pathname.endsWith('/services/serve')) return;
        came = true;
        m2.apply(own);
      },
    };
    live.start();
    await eventually(() =>
      expect(condition(live.at('hub'), 'MultiClusterService', 'ServiceConflict')).toContain('True'),
    );
    expect(came).toBe(true);
    expect(objectsIn(m2, 'Service')).toMatchObject([{ spec: { selector: { app: 'else' }, ports: [{ port: 81 }] } }]);
  });

  it('of the controller, changed or deleted by others, are set right', async () => {
    live = await startShared(['m1', 'm2']);
    const m2 = live.at('m2');
    live.start();
    await eventually(() => expect(copiesIn(m2)).toEqual(served));
    const [slice] = objectsIn(m2, 'EndpointSlice') as unknown as [
      { kind: string; metadata: { name: string; namespace: string } },
    ];
    m2.apply({ ...slice, kind: 'EndpointSlice', endpoints: [{ addresses: ['10.99.99.99'] }] });
    await eventually(() => expect(copiesIn(m2)).toEqual(served));
    m2.remove('EndpointSlice', 'default', slice.metadata.name);
    await eventually(() => expect(copiesIn(m2)).toEqual(served));
    m2.remove('Service', 'default', 'serve');
    await eventually(() => expect(objectsIn(m2, 'Service')).toHaveLength(1));
  });
});

describe('a source', () => {
  it('whose slice is deleted and made again at once loses nothing', async () => {
    live = await startShared(['m1', 'm2']);
    live.start();
    await eventually(() => expect(copiesIn(live.at('m2'))).toEqual(served));
    for (let i = 0; i < 20; i++) {
      live.at('m1').remove('EndpointSlice', 'default', 'serve-m1');
      live.at('m1').apply(nativeSlice('serve', 'm1', ['10.10.0.1']));
    }
    live.at('m1').apply(nativeSlice('serve', 'm1', ['10.10.0.3']));
    await eventually(() => expect(copiesIn(live.at('m2'))).toEqual({ 'm1 serve': ['10.10.0.3'] }));
    expect(writesTo(live.at('m2')).filter((line) => line.startsWith('DELETE')).length).toBeLessThanOrEqual(1);
  });

  it('that says it has nothing any more is not believed at once', async () => {
    live = await startLive(['hub', 'm1', 'm2']);
    for (let i = 0; i < 25; i++) {
      live.at('hub').apply(webService(`web${i}`));
      live.at('hub').apply(multiClusterService(`web${i}`, [], []));
      live.at('m1').apply(nativeSlice(`web${i}`, 'm1', [`10.10.0.${i + 1}`]));
    }
    const running = live.start({ holdMs: 1_500 });
    const count = () => Object.values(copiesIn(live.at('m2'))).flat().length;
    await eventually(() => expect(count()).toBe(25));
    for (let i = 0; i < 25; i++) live.at('m1').remove('EndpointSlice', 'default', `web${i}-m1`);
    await eventually(() => expect([...running.controller.loop.report().held]).toEqual([['m1', expect.any(Number)]]));
    await pause(300);
    // Those that went before it was suspicious are gone.
    const kept = count();
    expect(kept).toBeGreaterThanOrEqual(20);
    await eventually(() => expect(count()).toBe(0));
    expect(running.log.join('\n')).toContain('it reports no slices again');
  });

  it('under a second name is refused by its uid', async () => {
    live = await startLive(['m1', 'm2']);
    answerAs(live.at('m2'), String(live.at('m1').store.get(namespaceKind, undefined, 'kube-system').metadata.uid));
    live.at('m1').apply(webService('hello'));
    live.at('m1').apply(serviceExport('hello'));
    const running = live.start();
    await eventually(() => expect(running.log.join('\n')).toContain('it is the same cluster as m1'));
    await eventually(() => expect(objectsIn(live.at('m1'), 'ServiceImport')).toEqual([]));
    expect(writesTo(live.at('m2'))).toEqual([]);
  });
});

describe('names as long as they may be', () => {
  const cluster = `m${'1'.repeat(47)}`;
  const service = 's'.repeat(63);

  it('of clusters, Services and slices are copied, each to a place of its own', async () => {
    live = await startLive(['hub', cluster, 'm2']);
    live.at('hub').apply(webService(service));
    live.at('hub').apply(multiClusterService(service, [], []));
    // They differ only in the part that does not fit.
    const slices = ['a', 'b'].map((last) => `${'x'.repeat(252)}${last}`);
    for (const [i, name] of slices.entries()) {
      const slice = nativeSlice(service, 'm1', [`10.10.0.${i + 1}`]);
      live.at(cluster).apply({ ...slice, metadata: { ...slice.metadata, name } });
    }
    live.start();
    await eventually(() =>
      expect(copiesIn(live.at('m2'))).toEqual({ [`${cluster} ${service}`]: ['10.10.0.1', '10.10.0.2'] }),
    );
    const names = objectsIn(live.at('m2'), 'EndpointSlice').map(({ metadata }) => (metadata as { name: string }).name);
    for (const name of names) expect(name.length).toBeLessThanOrEqual(253);
    await eventually(() =>
      expect(condition(live.at('hub'), 'MultiClusterService', 'EndpointSliceDispatched')).toContain('True'),
    );
  });

  it('and an import whose derived Service would have a longer one is told so, and takes nothing else down', async () => {
    live = await startLive(['hub', 'm1', 'm2']);
    const hub = live.at('hub');
    for (const name of [service, 'short']) {
      for (const member of ['m1']) live.at(member).apply(webService(name));
      live.at('m1').apply(serviceExport(name));
      live.at('m1').apply(nativeSlice(name, 'm1', ['10.10.0.1']));
      live.at('m2').apply({
        kind: 'ServiceImport',
        metadata: { name, namespace: 'default' },
        spec: { type: 'ClusterSetIP', ports: [{ port: 80, protocol: 'TCP' }] },
      });
    }
    live.start();
    await eventually(() => expect(copiesIn(live.at('m2'))).toEqual({ 'm1 derived-short': ['10.10.0.1'] }));
    await eventually(() =>
      expect(JSON.stringify(objectsIn(live.at('m2'), 'Event'))).toContain('the import may have at most 55'),
    );
    expect(objectsIn(hub, 'Service')).toEqual([]);
  });
});

describe('two providers', () => {
  it('with equally named slices, and names that run together, each have their copies', async () => {
    live = await startLive(['hub', 'a', 'a-b', 'c']);
    live.at('hub').apply(webService('serve'));
    live.at('hub').apply(multiClusterService('serve', [], []));
    const put = (cluster: string, name: string, address: string): void => {
      const slice = nativeSlice('serve', 'x', [address]);
      live.at(cluster).apply({ ...slice, metadata: { ...slice.metadata, name } });
    };
    put('a', 'b-serve', '10.1.0.1');
    put('a', 'serve', '10.1.0.2');
    put('a-b', 'serve', '10.2.0.1');
    live.start();
    const all = { 'a serve': ['10.1.0.1', '10.1.0.2'], 'a-b serve': ['10.2.0.1'] };
    await eventually(() => expect(copiesIn(live.at('c'))).toEqual(all));
    live.at('a').remove('EndpointSlice', 'default', 'b-serve');
    await eventually(() => expect(copiesIn(live.at('c'))).toEqual({ ...all, 'a serve': ['10.1.0.2'] }));
  });
});

describe('two controllers', () => {
  it('do not write at once, and the second goes on when the first is gone', async () => {
    live = await startShared(['m1', 'm2']);
    const first = live.start({ identity: 'one' });
    const second = live.start({ identity: 'two' });
    await eventually(() => expect(copiesIn(live.at('m2'))).toEqual(served));
    const leaders = () => [first, second].filter(({ controller }) => controller.election.isLeading());
    expect(leaders()).toHaveLength(1);
    const [leader] = leaders();
    leader?.kill();
    const other = leader === first ? second : first;
    await eventually(() => expect(other.controller.election.isLeading()).toBe(true));
    live.at('m1').apply(nativeSlice('serve', 'm1', ['10.10.0.9']));
    await eventually(() => expect(copiesIn(live.at('m2'))).toEqual({ 'm1 serve': ['10.10.0.9'] }));
  });
});

describe('when nothing changes', () => {
  it('nothing is written, by a controller that goes on or by one that starts', async () => {
    live = await startShared();
    const first = live.start();
    await eventually(() =>
      expect(condition(live.at('hub'), 'MultiClusterService', 'EndpointSliceDispatched')).toContain('True'),
    );
    await eventually(() => expect(first.controller.loop.report().waiting).toBe(0));
    await pause(300);
    const count = () => [...live.doubles.values()].flatMap(writesTo).length;
    const before = count();
    await first.stop();
    const second = live.start({ identity: 'two' });
    await eventually(() => expect(second.controller.loop.report()).toMatchObject({ isStarted: true, waiting: 0 }));
    await eventually(() => expect(second.controller.election.isLeading()).toBe(true));
    await pause(500);
    expect(count()).toBe(before);
  });
});
