import { afterEach, describe, expect, it } from 'vitest';
import type { ApiDouble } from '../apiserver/double.ts';
import { eventually } from '../helpers/eventually.ts';
import { copiesIn, type Live, objectsIn, type Running, startLive, writesTo } from './live.ts';
import { pause, served, startShared, stop } from './shared.ts';
import { nativeSlice, serviceExport, webService } from './stories.ts';

/** What goes on while the place where users write, or where leaders are elected, cannot be reached. */

let live: Live;
afterEach(() => live.close());

const quickElection = { election: { durationMs: 600, deadlineMs: 400, retryMs: 50 } };

/** When the Lease of source m1 was last renewed there; undefined: never. */
function renewed(double: ApiDouble, source = 'm1'): string | undefined {
  const leases = objectsIn(double, 'Lease') as readonly { metadata: { name: string }; spec: { renewTime: string } }[];
  return leases.find(({ metadata }) => metadata.name === source)?.spec.renewTime;
}

function writer(double: ApiDouble): string | undefined {
  const leases = objectsIn(double, 'Lease') as readonly {
    metadata: { name: string };
    spec: { holderIdentity: string };
  }[];
  return leases.find(({ metadata }) => metadata.name === 'slicewright-controller.writer')?.spec.holderIdentity;
}

async function isRenewedAgain(double: ApiDouble): Promise<void> {
  const before = renewed(double);
  await eventually(() => {
    expect(renewed(double)).toBeDefined();
    expect(renewed(double)).not.toBe(before);
  });
}

/** The hub is gone, and who led there knows that it leads there no more. */
async function loseHub(running: Running): Promise<void> {
  stop(live.at('hub'));
  await eventually(() => expect(running.controller.election.isLeading()).toBe(false));
}

describe('with the hub away', () => {
  it('copies follow their sources, and their Leases say so; nothing else is written, and nothing deleted', async () => {
    live = await startShared(['m1', 'm2']);
    const [hub, m1, m2] = [live.at('hub'), live.at('m1'), live.at('m2')];
    const running = live.start({ times: quickElection });
    await eventually(() => expect(copiesIn(m2)).toEqual(served));
    await loseHub(running);
    const before = writesTo(m2).length;

    m1.apply(nativeSlice('serve', 'm1', ['10.10.0.8']));
    await eventually(() => expect(copiesIn(m2)).toEqual({ 'm1 serve': ['10.10.0.8'] }));
    const more = nativeSlice('serve', 'm1', ['10.10.1.1']);
    m1.apply({ ...more, metadata: { ...more.metadata, name: 'serve-more' } });
    await eventually(() => expect(copiesIn(m2)).toEqual({ 'm1 serve': ['10.10.0.8', '10.10.1.1'] }));
    m1.remove('EndpointSlice', 'default', 'serve-more');
    m1.remove('EndpointSlice', 'default', 'serve-m1');
    await eventually(() => expect(copiesIn(m2)).toEqual({ 'm1 serve': [] }));
    m1.apply(nativeSlice('serve', 'm1', ['10.10.0.9']));
    await eventually(() => expect(copiesIn(m2)).toEqual({ 'm1 serve': ['10.10.0.9'] }));
    await isRenewedAgain(m2);

    // What users changed meanwhile, in a member and in the hub, waits.
    m2.remove('Service', 'default', 'serve');
    hub.remove('MultiClusterService', 'default', 'serve');
    m1.apply(nativeSlice('serve', 'm1', ['10.10.0.10']));
    await eventually(() => expect(copiesIn(m2)).toEqual({ 'm1 serve': ['10.10.0.10'] }));
    expect(objectsIn(m2, 'Service')).toEqual([]);
    const written = writesTo(m2).slice(before);
    expect(written.filter((line) => line.startsWith('DELETE') || !line.includes('endpointslices'))).toEqual([]);

    hub.faults = {};
    await eventually(() => expect([...objectsIn(m2, 'Service'), ...copies(m2)]).toEqual([]));
  });

  it('a source that says it has nothing is not believed at once', async () => {
    live = await startShared(['m1', 'm2']);
    const [m1, m2] = [live.at('m1'), live.at('m2')];
    const put = (i: number) => {
      const slice = nativeSlice('serve', 'm1', [`10.10.1.${i}`]);
      m1.apply({ ...slice, metadata: { ...slice.metadata, name: `serve-${i}` } });
    };
    for (let i = 1; i < 25; i++) put(i);
    const running = live.start({ times: quickElection, holdMs: 60_000 });
    await eventually(() => expect(copiesIn(m2)['m1 serve']).toHaveLength(25));
    await loseHub(running);
    m1.cutStreams();
    m1.remove('EndpointSlice', 'default', 'serve-m1');
    for (let i = 1; i < 25; i++) m1.remove('EndpointSlice', 'default', `serve-${i}`);
    await eventually(() => expect([...running.controller.loop.report().held.keys()]).toEqual(['m1']));
    await eventually(() => expect(running.controller.loop.report().waiting).toBe(0));
    // Those that went before it was suspicious are empty.
    expect(copiesIn(m2)['m1 serve']?.length).toBeGreaterThan(0);
  });

  it('another replica goes on where the first stops', async () => {
    live = await startShared(['m1', 'm2']);
    const [m1, m2] = [live.at('m1'), live.at('m2')];
    const first = live.start({ times: quickElection });
    await eventually(() => expect(copiesIn(m2)).toEqual(served));
    // Whoever takes over renews Leases at once, and not only when it is the time again.
    const leases = { everyMs: 600_000, durationSeconds: 40 };
    const second = live.start({ times: { ...quickElection, leases }, identity: 'two' });
    await eventually(() => expect(second.controller.loop.report().isStarted).toBe(true));
    await loseHub(first);
    first.kill();
    // It is renewed once: what came before the copy was seen counts too.
    const stale = renewed(m2);
    m1.apply(nativeSlice('serve', 'm1', ['10.10.0.8']));
    await eventually(() => expect(copiesIn(m2)).toEqual({ 'm1 serve': ['10.10.0.8'] }));
    await eventually(() => expect(renewed(m2)).not.toBe(stale));
    expect(writer(m2)).toBe('two');
  });

  it('a replica that never saw the hub keeps what is there fresh, and no Lease says so before it is', async () => {
    live = await startShared(['m1', 'm2']);
    const [m1, m2] = [live.at('m1'), live.at('m2')];
    const first = live.start({ times: quickElection });
    await eventually(() => expect(copiesIn(m2)).toEqual(served));
    await isRenewedAgain(m2);
    await first.stop();
    stop(live.at('hub'));
    m1.apply(nativeSlice('serve', 'm1', ['10.10.0.8']));
    m1.apply(webService('other'));
    m1.apply(nativeSlice('other', 'm1', ['10.10.0.9']));
    const stale = renewed(m2);
    // What is there cannot be made fresh: nothing may say that it is.
    let seen: string | undefined;
    m2.faults = {
      beforeAnswer: (url, _response, request) => {
        if (request.method === 'PATCH' && url.pathname.includes('/endpointslices/')) seen ??= renewed(m2);
      },
    };
    const second = live.start({ times: quickElection, identity: 'two', startMs: 300 });
    await eventually(() => expect(copiesIn(m2)).toEqual({ 'm1 serve': ['10.10.0.8'] }));
    expect(seen).toBe(stale);
    await isRenewedAgain(m2);
    await eventually(() => expect(second.controller.loop.report().waiting).toBe(0));
    expect(writesTo(m2).filter((line) => line.startsWith('DELETE'))).toEqual([]);
    expect(second.log.join('\n')).toContain('copies follow their sources, and nothing else is written');
  });

  it('from the very start, nothing is written where nothing was', async () => {
    live = await startShared(['m1', 'm2']);
    stop(live.at('hub'));
    const running = live.start({ times: quickElection, startMs: 50 });
    await eventually(() => expect(running.controller.loop.report()).toMatchObject({ isStarted: true, waiting: 0 }));
    await eventually(() => expect(writer(live.at('m2'))).toBe('one'));
    await pause(300);
    expect([...writesTo(live.at('m1')), ...writesTo(live.at('m2'))]).toEqual([]);
    live.at('hub').faults = {};
    await eventually(() => expect(copiesIn(live.at('m2'))).toEqual(served));
  });

  it('nor while it is not known what the last leader there remembered', async () => {
    live = await startShared(['m1', 'm2']);
    live.at('hub').faults = {
      beforeAnswer: (url, response) => void (url.pathname.includes('/leases/') && response.destroy()),
    };
    const running = live.start({ times: quickElection });
    await eventually(() => expect(writer(live.at('m2'))).toBe('one'));
    await eventually(() => expect(running.controller.loop.report()).toMatchObject({ isStarted: true, waiting: 0 }));
    expect([...writesTo(live.at('m1')), ...writesTo(live.at('m2'))]).toEqual([]);
    live.at('hub').faults = {};
    await eventually(() => expect(copiesIn(live.at('m2'))).toEqual(served));
  });

  it('a cluster that was replaced meanwhile is refused all the same', async () => {
    live = await startShared(['m1', 'm2']);
    const [m1, m2] = [live.at('m1'), live.at('m2')];
    const first = live.start({ times: quickElection });
    await eventually(() => expect(copiesIn(m2)).toEqual(served));
    await eventually(() => expect(JSON.stringify(objectsIn(m2, 'Lease'))).toContain('cluster-uids'));
    await first.stop();
    stop(live.at('hub'));
    m1.faults = {
      beforeAnswer: (url, response) => {
        if (!url.pathname.endsWith('/namespaces/kube-system')) return;
        const metadata = { name: 'kube-system', uid: 'another' };
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ metadata }));
      },
    };
    m1.apply(nativeSlice('serve', 'm1', ['10.66.6.6']));
    const second = live.start({ times: quickElection, identity: 'two', startMs: 300 });
    await eventually(() => expect(second.log.join('\n')).toContain('a different cluster answers under its name'));
    await eventually(() => expect(second.controller.loop.report()).toMatchObject({ isStarted: true, waiting: 0 }));
    expect(copiesIn(m2)).toEqual(served);
  });

  it('while only its objects cannot be read, the same; and what users did meanwhile comes', async () => {
    live = await startShared(['m1', 'm2']);
    const [hub, m2] = [live.at('hub'), live.at('m2')];
    const isLease = (url: URL) => url.pathname.includes('/leases/');
    live.start();
    await eventually(() => expect(copiesIn(m2)).toEqual(served));
    hub.faults = { beforeAnswer: (url, response) => void (isLease(url) || response.destroy()) };
    hub.cutStreams();
    hub.remove('MultiClusterService', 'default', 'serve');
    live.at('m1').apply(nativeSlice('serve', 'm1', ['10.10.0.7']));
    await eventually(() => expect(copiesIn(m2)).toEqual({ 'm1 serve': ['10.10.0.7'] }));
    expect(objectsIn(m2, 'Service')).toHaveLength(1);
    hub.faults = {};
    await eventually(() => expect([...objectsIn(m2, 'Service'), ...copies(m2)]).toEqual([]));
  });
});

describe('two replicas', () => {
  it('hand over at once where one is stopped', async () => {
    live = await startShared(['m1', 'm2']);
    const long = { election: { durationMs: 600_000, deadlineMs: 400_000, retryMs: 50 } };
    const one = live.start({ times: long });
    await eventually(() => expect(copiesIn(live.at('m2'))).toEqual(served));
    live.start({ times: long, identity: 'two' });
    await one.stop();
    await eventually(() => expect(['m1', 'm2'].map((name) => writer(live.at(name)))).toEqual(['two', 'two']));
  });

  it('of which one does not see the hub: the other writes, and the first undoes nothing', async () => {
    live = await startShared(['m1', 'm2']);
    const [hub, m2] = [live.at('hub'), live.at('m2')];
    let seesHub = true;
    live.start({ times: quickElection, reaches: (name) => name !== 'hub' || seesHub });
    await eventually(() => expect(copiesIn(m2)).toEqual(served));
    const two = live.start({ times: quickElection, identity: 'two' });
    await eventually(() => expect(two.controller.loop.report().isStarted).toBe(true));
    seesHub = false;
    hub.cutStreams();
    await eventually(() => expect(['m1', 'm2'].map((name) => writer(live.at(name)))).toEqual(['two', 'two']));
    hub.apply(webService('serve', { ports: [{ port: 81, protocol: 'TCP', targetPort: 8080 }] }));
    await eventually(() => expect(objectsIn(m2, 'Service')).toMatchObject([{ spec: { ports: [{ port: 81 }] } }]));
    // The first takes over without having seen what users changed.
    two.kill();
    await eventually(() => expect(writer(m2)).toBe('one'));
    live.at('m1').apply(nativeSlice('serve', 'm1', ['10.10.0.9']));
    await eventually(() => expect(copiesIn(m2)).toEqual({ 'm1 serve': ['10.10.0.9'] }));
    expect(objectsIn(m2, 'Service')).toMatchObject([{ spec: { ports: [{ port: 81 }] } }]);
  });

  it('of which each reaches another member: each writes where it can', async () => {
    live = await startShared(['m1', 'm2', 'm3']);
    let reachesM2 = true;
    live.start({ times: quickElection, reaches: (name) => name !== 'm2' || reachesM2 });
    await eventually(() => expect(copiesIn(live.at('m2'))).toEqual(served));
    live.start({ times: quickElection, identity: 'two' });
    reachesM2 = false;
    live.at('m2').cutStreams();
    await eventually(() => expect(writer(live.at('m2'))).toBe('two'));
    live.at('hub').apply(webService('serve', { ports: [{ port: 81, protocol: 'TCP', targetPort: 8080 }] }));
    for (const name of ['m2', 'm3'])
      await eventually(() =>
        expect(objectsIn(live.at(name), 'Service')).toMatchObject([{ spec: { ports: [{ port: 81 }] } }]),
      );
    expect(writer(live.at('m3'))).toBe('one');
    await isRenewedAgain(live.at('m2'));
    reachesM2 = true;
    await eventually(() => expect(writer(live.at('m2'))).toBe('one'));
  });
});

describe('without a hub', () => {
  const settings = { importStyle: 'mcs', clusterSetIpRanges: ['10.240.0.0/16' as never] } as const;
  const ips = (double: ApiDouble, name: string): readonly string[] | undefined =>
    (objectsIn(double, 'ServiceImport') as readonly { metadata: { name: string }; spec: { ips?: string[] } }[]).find(
      ({ metadata }) => metadata.name === name,
    )?.spec.ips;
  const offer = (double: ApiDouble, name: string): void => {
    double.apply(webService(name));
    double.apply(serviceExport(name));
    double.apply(nativeSlice(name, 'x', ['10.2.0.1']));
  };

  it('the first member away costs the others nothing but new clusterset IPs, which come with it', async () => {
    live = await startLive(['c1', 'c2', 'c3']);
    const [c1, c2, c3] = [live.at('c1'), live.at('c2'), live.at('c3')];
    offer(c2, 'old');
    const running = live.start({ settings, times: quickElection });
    await eventually(() => expect(ips(c3, 'old')).toHaveLength(1));
    const given = ips(c3, 'old');
    stop(c1);
    await eventually(() => expect(running.controller.election.isLeading()).toBe(false));
    offer(c2, 'new');
    await eventually(() => expect(JSON.stringify(objectsIn(c3, 'ServiceImport'))).toContain('has no address yet'));
    expect([ips(c3, 'new'), ips(c3, 'old')]).toEqual([undefined, given]);
    c2.apply(nativeSlice('old', 'x', ['10.2.0.2']));
    await eventually(() => expect(JSON.stringify(copiesIn(c3))).toContain('10.2.0.2'));
    await isRenewedC2(c3);
    c1.faults = {};
    await eventually(() => expect(ips(c3, 'new')).toHaveLength(1));
    for (const name of ['old', 'new'])
      await eventually(() => expect([ips(c1, name), ips(c2, name)]).toEqual([ips(c3, name), ips(c3, name)]));
  });

  it('two replicas that write in different clusters give a Service one address', async () => {
    live = await startLive(['c1', 'c2', 'c3']);
    const [c2, c3] = [live.at('c2'), live.at('c3')];
    live.start({ settings, times: quickElection, startMs: 100, reaches: (name) => name !== 'c3' });
    await eventually(() => expect(writer(c2)).toBe('one'));
    live.start({ settings, times: quickElection, identity: 'two' });
    await eventually(() => expect(writer(c3)).toBe('two'));
    for (const name of ['a', 'b', 'c']) offer(c2, name);
    for (const name of ['a', 'b', 'c']) {
      await eventually(() => {
        expect(ips(c2, name)).toHaveLength(1);
        expect(ips(c3, name)).toEqual(ips(c2, name));
      });
    }
  });

  it('what a member that is away may want is not deleted by who saw less of it', async () => {
    live = await startLive(['c1', 'c2', 'c3']);
    const [c2, c3] = [live.at('c2'), live.at('c3')];
    offer(c2, 'old');
    const cut = new Set<string>();
    const one = live.start({ times: quickElection, reaches: (name) => !cut.has(name) });
    await eventually(() => expect(Object.keys(copiesIn(c3))).toHaveLength(1));
    const two = live.start({ times: quickElection, identity: 'two' });
    await eventually(() => expect(two.controller.loop.report().isStarted).toBe(true));
    for (const name of ['c1', 'c2', 'c3']) cut.add(name);
    for (const double of live.doubles.values()) double.cutStreams();
    await eventually(() => expect(writer(c3)).toBe('two'));
    offer(c2, 'new');
    await eventually(() => expect(Object.keys(copiesIn(c3))).toHaveLength(2));
    two.kill();
    for (const name of ['c1', 'c3']) cut.delete(name);
    await eventually(() => expect(writer(c3)).toBe('one'));
    await eventually(() => expect(one.controller.loop.report().withheld.size).toBeGreaterThan(0));
    await eventually(() => expect(one.controller.loop.report().waiting).toBe(0));
    expect(Object.keys(copiesIn(c3))).toHaveLength(2);
    expect(objectsIn(c3, 'ServiceImport')).toHaveLength(2);
    cut.clear();
    await eventually(() => expect(one.controller.loop.report().withheld.size).toBe(0));
    c2.remove('ServiceExport', 'default', 'new');
    await eventually(() => expect(objectsIn(c3, 'ServiceImport')).toHaveLength(1));
  });

  async function isRenewedC2(double: ApiDouble): Promise<void> {
    const before = renewed(double, 'c2');
    await eventually(() => expect(renewed(double, 'c2')).not.toBe(before));
  }
});

function copies(double: ApiDouble): readonly unknown[] {
  return Object.keys(copiesIn(double));
}
