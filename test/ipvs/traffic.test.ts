import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTrafficBook } from '../../agent/traffic/book.ts';
import { askedOf } from '../../agent/traffic/asked.ts';
import { countPorts } from '../../agent/traffic/count.ts';
import { assemble } from '../../backends/assemble.ts';
import { ipvs } from '../../backends/ipvs/index.ts';
import { applyProgram } from '../../backends/ipvs/live/apply.ts';
import { families } from '../../compiler/values/address.ts';
import { eventually } from '../helpers/eventually.ts';
import { modeOf, scopeFor } from '../helpers/scope.ts';
import { twoClusters } from '../netns/clusters.ts';
import type { Network } from '../netns/network.ts';
import { service } from '../packets/objects.ts';
import { programOf } from '../packets/program.ts';
import { askOnce, serveWorld, tcpPort } from '../packets/world.ts';
import { describeIn } from '../place.ts';
import { bootIpvsNetwork, ipvsAvailability } from '../vm/network.ts';

/* What IPVS' own statistics say is what was sent, through every kind of place, by weight. */

const { place, missing } = await ipvsAvailability();

const [web, ...slices] = service('web', {
  clusterIPs: ['10.13.1.1', 'fd00:13::1:1'],
  port: 80,
  nodePort: 30_010,
  endpoints: ['10.12.0.6', '10.10.0.6', 'fd00:12::6', 'fd00:10::6'],
  endpointPort: tcpPort,
  spec: { type: 'NodePort' },
});
const annotations = { 'slicewright.dev/cluster-weights': 'local=75,member1=25' };
const program = programOf([{ ...web, metadata: { ...(web?.['metadata'] as object), annotations } }, ...slices]);

describeIn(place, missing, 'traffic through IPVS', () => {
  let network: Network;
  beforeAll(async () => {
    network = await bootIpvsNetwork(twoClusters);
    await serveWorld(network);
    for (const family of families) {
      const services = program.compilation.services[family];
      const { program: made } = assemble(ipvs, services, program.compilation.node[family]);
      await applyProgram(network.run('member2-node'), scopeFor(family), { program: made, services });
    }
  }, 1_500_000);
  afterAll(() => network?.close());

  test('is counted where it went, with its packets, and shares are as they were asked for', async () => {
    const live = modeOf('ipvs').live;
    const asked = families.flatMap((family) => program.compilation.services[family].map(askedOf));
    const book = createTrafficBook();
    const look = async (atMs: number) => {
      const readings = [];
      for (const family of families) {
        const meter = await live.meter(network.run('member2-node'), scopeFor(family), true);
        const reading = await meter?.read();
        readings.push({ family, counts: reading?.counts ?? [] });
      }
      return book.add(countPorts(readings, asked), atMs);
    };
    await look(0);
    const sent = new Map<string, number>();
    for (const [from, to, port, times] of [
      ['client', '10.13.1.1', 80, 40],
      ['client', 'fd00:13::1:1', 80, 40],
      ['outside', '172.18.0.12', 30_010, 20],
    ] as const) {
      for (let i = 0; i < times; i++) {
        const answer = await askOnce(network, { from, to, port }, 30_000);
        const by = answer.kind === 'answered' ? answer.by : answer.kind;
        sent.set(by, (sent.get(by) ?? 0) + 1);
      }
    }
    // IPVS adds up what its processors have counted every two seconds.
    let atMs = 0;
    const rows = await eventually(async () => {
      const found = await look((atMs += 1_000));
      expect(found.reduce((sum, { connections }) => sum + connections, 0)).toBe(100);
      return found;
    }, 600_000);
    expect(rows.map(({ id }) => id)).toEqual(['test/web/TCP/IPv4', 'test/web/TCP/IPv6']);
    const endpoints = rows.flatMap(({ clusters }) => clusters.flatMap((cluster) => cluster.endpoints));
    expect(new Map(endpoints.map(({ endpoint, connections }) => [endpoint, connections]))).toEqual(sent);
    expect(endpoints.map(({ share }) => [share.measured, share.deviates])).toEqual([
      [0.75, false],
      [0.25, false],
      [0.75, false],
      [0.25, false],
    ]);
    // Handshake, question, answer and end, in both directions.
    for (const { connections, volume } of endpoints) {
      expect(volume?.packets).toBeGreaterThan(6 * connections);
      expect(volume?.bytes).toBeGreaterThan(300 * connections);
    }
  }, 1_500_000);
});
