import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { ApiDouble } from '../apiserver/double.ts';
import { refuse } from '../apiserver/faults.ts';
import { eventually } from '../helpers/eventually.ts';
import { copiesIn, type Live, objectsIn, startLive, writesTo } from './live.ts';
import { answerAs, condition, pause, served, startShared } from './shared.ts';
import { multiClusterService, nativeSlice, serviceExport, webService } from './stories.ts';
import { rewrite } from '../helpers/rewrite.ts';

/** Members that are not what they were, or not what most are. */

let live: Live;
afterEach(() => live.close());

describe('a cluster that was replaced by another while no controller ran', () => {
  it('is refused, what it had stays elsewhere, and is taken when its new uid is stated', async () => {
    live = await startShared(['m1', 'm2']);
    const [m1, m2] = [live.at('m1'), live.at('m2')];
    const first = live.start();
    await eventually(() => expect(copiesIn(m2)).toEqual(served));
    // What is remembered stands in the Lease by the next time it is renewed.
    await eventually(() => expect(JSON.stringify(objectsIn(live.at('hub'), 'Lease'))).toContain('cluster-uids'));
    await first.stop();
    answerAs(m1, 'another');
    m1.remove('EndpointSlice', 'default', 'serve-m1');
    const before = writesTo(m1).length;
    const second = live.start({ identity: 'two', startMs: 100 });
    await eventually(() => expect(second.log.join('\n')).toContain('a different cluster answers under its name'));
    await eventually(() => expect(second.controller.loop.report()).toMatchObject({ isStarted: true, waiting: 0 }));
    await pause(300);
    expect(copiesIn(m2)).toEqual(served);
    expect(writesTo(m1).length).toBe(before);
    await second.stop();

    m1.apply(nativeSlice('serve', 'm1', ['10.10.9.9']));
    live.start({ identity: 'three', uids: { m1: 'another' } });
    await eventually(() => expect(copiesIn(m2)).toEqual({ 'm1 serve': ['10.10.9.9'] }));
  });
});

describe('a definition', () => {
  const group = 'multicluster.x-k8s.io';
  const watched = (double: ApiDouble, version: string): boolean =>
    double.requests.some((line) => line.includes(`/${version}/serviceexports?`) && line.includes('watch=true'));

  it('that a member gets after the start, and in a version of its own, is found', async () => {
    live = await startLive(['m1', 'm2'], []);
    live.at('m1').installed.add(group);
    live.at('m1').apply(webService('hello'));
    live.at('m1').apply(serviceExport('hello'));
    live.at('m1').apply(nativeSlice('hello', 'm1', ['10.1.0.1']));
    live.start();
    await eventually(() => expect(objectsIn(live.at('m1'), 'ServiceImport')).toHaveLength(1));
    expect(objectsIn(live.at('m2'), 'ServiceImport')).toEqual([]);
    const m2 = live.at('m2');
    m2.served.add(`${group}/v1beta1`);
    m2.installed.add(group);
    // The first version is not served there at all.
    m2.faults = {
      beforeAnswer: (url, response) => {
        if (url.pathname.startsWith(`/apis/${group}/v1alpha1`)) refuse(response, 404, 'page not found');
      },
    };
    await eventually(() => expect(Object.values(copiesIn(m2)).flat()).toEqual(['10.1.0.1']));
    await eventually(() => expect(watched(m2, 'v1beta1')).toBe(true));
    expect(m2.requests.some((line) => line.startsWith('PATCH') && line.includes('/v1beta1/'))).toBe(true);
  });

  it('that comes in a newer version is read and written in that, and nothing is lost on the way', async () => {
    live = await startLive(['m1', 'm2']);
    const m1 = live.at('m1');
    m1.apply(webService('hello'));
    m1.apply(serviceExport('hello'));
    m1.apply(nativeSlice('hello', 'm1', ['10.1.0.1']));
    m1.apply(webService('other'));
    m1.apply(serviceExport('other'));
    live.start();
    await eventually(() => expect(objectsIn(live.at('m2'), 'ServiceImport')).toHaveLength(2));
    await eventually(() => expect(Object.values(copiesIn(live.at('m2'))).flat()).toEqual(['10.1.0.1']));
    for (const double of live.doubles.values()) double.served.add(`${group}/v1beta1`);
    await eventually(() => expect(watched(m1, 'v1beta1')).toBe(true));
    await eventually(() => expect(m1.openWatches('serviceexports')).toBe(1));
    m1.remove('ServiceExport', 'default', 'other');
    await eventually(() => expect(objectsIn(live.at('m2'), 'ServiceImport')).toHaveLength(1));
    const deleted = live.at('m2').requests.filter((line) => line.startsWith('DELETE'));
    expect(deleted.filter((line) => line.includes('endpointslices'))).toEqual([]);
  });
});

describe('a folder in a member\u2019s place', () => {
  it('offers what its files say, and gets nothing', async () => {
    live = await startShared(['m1', 'm2']);
    const folder = mkdtempSync(join(tmpdir(), 'slicewright-folder-'));
    const put = (...objects: readonly object[]): void =>
      rewrite(join(folder, 'all.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
    // A copy from elsewhere came with it: it is not its own, and stays.
    const copy = nativeSlice('serve', 'copy', ['10.10.0.1']);
    const labels = { ...copy.metadata.labels, 'endpointslice.kubernetes.io/managed-by': 'controller.slicewright.dev' };
    const foreign = { ...copy, metadata: { ...copy.metadata, labels } };
    put(webService('serve'), nativeSlice('serve', 'f1', ['10.20.0.1']), foreign);
    try {
      const running = live.start({ folders: { f1: folder } });
      const both = { ...served, 'f1 serve': ['10.20.0.1'] };
      await eventually(() => expect(copiesIn(live.at('m2'))).toEqual(both));
      await eventually(() =>
        expect(condition(live.at('hub'), 'MultiClusterService', 'EndpointSliceDispatched')).toContain('True'),
      );
      put(webService('serve'), nativeSlice('serve', 'f1', ['10.20.0.2']), foreign);
      await eventually(() => expect(copiesIn(live.at('m2'))).toEqual({ ...served, 'f1 serve': ['10.20.0.2'] }));
      rewrite(join(folder, 'all.json'), 'neither YAML: nor: JSON');
      await eventually(() =>
        expect([...(running.controller.members.get('f1' as never)?.problems.values() ?? [])]).toHaveLength(1),
      );
      expect(copiesIn(live.at('m2'))).toEqual({ ...served, 'f1 serve': ['10.20.0.2'] });
      expect(readdirSync(folder)).toEqual(['all.json']);
      // Who asks for it by name is told.
      put(webService('serve'), nativeSlice('serve', 'f1', ['10.20.0.2']));
      live.at('hub').apply(multiClusterService('serve', [], ['m2', 'f1']));
      await eventually(() =>
        expect(condition(live.at('hub'), 'MultiClusterService', 'EndpointSliceDispatched')).toContain(
          'False: f1 is a folder, which is read only',
        ),
      );
      await eventually(() => expect(copiesIn(live.at('m2'))).toEqual({ ...served, 'f1 serve': ['10.20.0.2'] }));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
