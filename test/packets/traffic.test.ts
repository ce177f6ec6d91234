import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TopOptions, topCommand } from '../../agent/commands/top.ts';
import { systemClock } from '../../agent/loop/clock.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import { modeOf, scopeFor } from '../helpers/scope.ts';
import type { LocalNetwork } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { node, service } from './objects.ts';
import { loadProgram, type Program, programOf } from './program.ts';
import { askOnce, bootWorld, featureOf, type Mode, modes, tcpPort } from './world.ts';

/* `top` before real packets: what it counts is what was sent. */

const { lacks } = await probeSupport();

const endpoints = ['10.12.0.6', '10.12.0.7', '10.10.0.6', 'fd00:12::6', 'fd00:10::6'];
const [web, ...webSlices] = service('web', {
  clusterIPs: ['10.13.0.10', 'fd00:13::10'],
  port: 80,
  nodePort: 30_080,
  endpoints,
  endpointPort: tcpPort,
  spec: { type: 'NodePort' },
});
const weights = { 'slicewright.dev/cluster-weights': 'local=75,member1=25' };
const sticky = service('sticky', {
  clusterIPs: ['10.13.0.11'],
  port: 80,
  endpoints: ['10.12.0.6', '10.10.0.6'],
  endpointPort: tcpPort,
  spec: { sessionAffinity: 'ClientIP' },
});
const weighted = { ...web, metadata: { ...(web?.['metadata'] as object), annotations: weights } };
const half = service('half', {
  clusterIPs: ['10.13.0.12'],
  port: 80,
  nodePort: 30_090,
  endpoints: ['10.12.0.8', '10.10.0.8'],
  endpointPort: tcpPort,
  spec: { type: 'NodePort', externalTrafficPolicy: 'Local' },
});
const objects = [weighted, ...webSlices, ...sticky, ...half];
const backendOf = (mode: Mode): string => (mode === 'nftables' ? 'nftables' : 'iptables');

for (const mode of modes) {
  describeIn('network namespace', lacks.namespaces ?? lacks[featureOf(mode)], `top, ${mode}`, () => {
    let network: LocalNetwork;
    let file: string;
    const folder = mkdtempSync(join(tmpdir(), 'slicewright-top-'));

    beforeAll(async () => {
      network = await bootWorld();
      await loadProgram(network, mode, programOf(objects, { countsTraffic: true }));
      file = join(folder, 'objects.json');
      writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [node, ...objects] }));
    });
    afterAll(async () => {
      await network.close();
      rmSync(folder, { recursive: true, force: true });
    });

    const fromFile = () => ({ filename: [file], backend: backendOf(mode) });
    async function top(targets: readonly string[], options: Partial<TopOptions> = fromFile()) {
      const io = memoryIo();
      const place = {
        run: network.run('member2-node'),
        host: { name: 'member2-node', addresses: [] },
        clock: systemClock,
        told: new AbortController().signal,
      };
      const status = await topCommand(
        targets,
        {
          ...{ address: '127.0.0.1:1', by: 'endpoint', sort: 'name', intervalMs: 100, once: true },
          ...{ output: 'json', diagnostics: 'human', ...options },
        },
        io,
        place,
      );
      return { status, ...io.written };
    }

    async function dial(to: string, port: number, times: number, from: 'client' | 'outside' = 'client') {
      const answers = new Map<string, number>();
      for (let i = 0; i < times; i++) {
        const answer = await askOnce(network, { from, to, port });
        const by = answer.kind === 'answered' ? answer.by : answer.kind;
        answers.set(by, (answers.get(by) ?? 0) + 1);
      }
      return answers;
    }

    /** Endpoint → connections. */
    async function counted(target: string): Promise<Map<string, number>> {
      const { out } = await top([target]);
      const counts = new Map<string, number>();
      for (const { clusters } of JSON.parse(out).services) {
        for (const { endpoint, connections } of clusters.flatMap((one: { endpoints: object[] }) => one.endpoints)) {
          if (connections > 0) counts.set(endpoint, (counts.get(endpoint) ?? 0) + connections);
        }
      }
      return counts;
    }

    test('200 connections by weight are counted where they went, through every kind of place', async () => {
      const sent = new Map<string, number>();
      for (const answers of [
        await dial('10.13.0.10', 80, 140),
        await dial('fd00:13::10', 80, 30),
        await dial('172.18.0.12', 30_080, 30, 'outside'),
      ]) {
        for (const [by, count] of answers) sent.set(by, (sent.get(by) ?? 0) + count);
      }
      expect([...sent.keys()].sort()).toEqual(
        ['10.10.0.6:8080', '10.12.0.6:8080', '10.12.0.7:8080', '[fd00:10::6]:8080', '[fd00:12::6]:8080'].sort(),
      );
      expect(await counted('test/web')).toEqual(sent);
      // Reading changes nothing.
      expect(await counted('test/web')).toEqual(sent);

      const { services } = JSON.parse((await top(['test/web'])).out);
      expect(services.map(({ id }: { id: string }) => id)).toEqual(['test/web/TCP/IPv4', 'test/web/TCP/IPv6']);
      const [local, member1] = services[0].clusters;
      expect([local.cluster, local.share.asked[0].percent]).toEqual(['local', '75 %']);
      expect([member1.cluster, member1.share.asked[0].percent]).toEqual(['member1', '25 %']);
    });

    test('a client that stays is counted with the endpoint that it stays with', async () => {
      const sent = await dial('10.13.0.11', 80, 10);
      expect(sent.size).toBe(1);
      expect(await counted('test/sticky')).toEqual(sent);
    });

    test('connections from outside to this node alone are told apart from those to all endpoints', async () => {
      const inside = await dial('10.13.0.12', 80, 20);
      for (const [by, count] of await dial('172.18.0.12', 30_090, 8, 'client')) {
        inside.set(by, (inside.get(by) ?? 0) + count);
      }
      expect(await dial('172.18.0.12', 30_090, 12, 'outside')).toEqual(new Map([['10.12.0.8:8080', 12]]));
      const { services } = JSON.parse((await top(['test/half'])).out);
      const [local, remote] = services[0].clusters.flatMap((one: { endpoints: object[] }) => one.endpoints);
      const [here = 0, there = 0] = ['10.12.0.8:8080', '10.10.0.8:8080'].map((one) => inside.get(one) ?? 0);
      expect(local).toMatchObject({
        endpoint: '10.12.0.8:8080',
        connections: here + 12,
        share: {
          byPool: [
            { pool: 'cluster', measured: here / 28, asked: { percent: '50 %' } },
            { pool: 'local', measured: 1, asked: { percent: '100 %' } },
          ],
        },
      });
      expect(remote).toMatchObject({ share: { byPool: [{ measured: there / 28 }, { measured: 0 }] } });
    });

    test("without objects and without an agent the kernel's own names tell whose it is", async () => {
      const { status, out, err } = await top(['test/web'], { output: 'text', by: 'service' });
      expect(status).toBe(0);
      expect(out).toMatch(/^SERVICE +CONNECTIONS\ntest\/web\/TCP\/IPv4 +\d+\ntest\/web\/TCP\/IPv6 +\d+\n$/);
      expect(err).toContain('no agent answers at 127.0.0.1:1');
    });
  });
}

describeIn('network namespace', lacks.namespaces ?? lacks.nft, 'a table of nftables that counts', () => {
  const run = (network: LocalNetwork) => network.run('member2-node');
  const targetOf = ({ compilation: { services, node: of } }: Program) => ({ services: services.IPv4, node: of.IPv4 });
  const observe = async (network: LocalNetwork) => {
    const kernel = await modeOf('nftables').live.observe(run(network), scopeFor('IPv4'), true);
    if (kernel === undefined) throw new Error('nothing to observe');
    return kernel;
  };
  const totals = async (network: LocalNetwork) => {
    const meter = await modeOf('nftables').live.meter(run(network), scopeFor('IPv4'), true);
    return (await meter?.read())?.counts.map(({ endpoint, connections }) => `${endpoint} ${connections}`).sort();
  };
  const plain = (...addresses: string[]) =>
    service('web', { clusterIPs: ['10.13.0.10'], port: 80, endpoints: addresses, endpointPort: tcpPort });

  test('is as wanted whatever it has counted, and one changed endpoint leaves the counters of the others', async () => {
    await using network = await bootWorld();
    const counting = { countsTraffic: true };
    const before = programOf([...plain('10.12.0.6', '10.12.0.7'), ...sticky], counting);
    await loadProgram(network, 'nftables', before);
    for (let i = 0; i < 20; i++) await askOnce(network, { from: 'client', to: '10.13.0.10', port: 80 });
    await askOnce(network, { from: 'client', to: '10.13.0.11', port: 80 });
    const counted = await totals(network);
    expect(counted?.join()).not.toBe('');
    const plan = (await observe(network)).plan(targetOf(before), { before: undefined, isToBeApplied: true });
    expect([plan.hasSteps, plan.transactions]).toEqual([false, 0]);

    const after = targetOf(programOf([...plain('10.12.0.6', '10.12.0.8'), ...sticky], counting));
    expect(await (await observe(network)).apply(after)).toMatchObject({ isDone: true, problems: [] });
    const kept = counted?.filter((line) => !line.startsWith('10.12.0.7:'));
    expect(await totals(network)).toEqual([...(kept ?? []), '10.12.0.8:8080 0'].sort());
  });

  test('comes and goes with the setting, in place; without it `top` says why it shows nothing', async () => {
    await using network = await bootWorld();
    const silent = programOf(plain('10.12.0.6'));
    await loadProgram(network, 'nftables', silent);
    const meter = await modeOf('nftables').live.meter(run(network), scopeFor('IPv4'), true);
    expect(await meter?.read()).toEqual({ counts: [], uncounted: expect.stringContaining('nftables.counters') });
    for (const countsTraffic of [true, false]) {
      const target = targetOf(programOf(plain('10.12.0.6'), { countsTraffic }));
      expect(await (await observe(network)).apply(target)).toMatchObject({ isDone: true, problems: [] });
      const plan = (await observe(network)).plan(target, { before: undefined, isToBeApplied: true });
      expect(plan.hasSteps).toBe(false);
      expect((await meter?.read())?.uncounted === undefined).toBe(countsTraffic);
    }
  });
});
