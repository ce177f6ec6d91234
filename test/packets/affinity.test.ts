import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Network } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { service } from './objects.ts';
import { loadProgram, programOf } from './program.ts';
import { bootWorld, outcomesLike, tcpPort, featureOf, modes } from './world.ts';

const { lacks } = await probeSupport();

const endpoints = ['10.12.0.7', '10.12.0.8', '10.10.0.7', '10.10.0.8'];
const endpoints6 = ['fd00:12::7', 'fd00:12::8', 'fd00:10::7', 'fd00:10::8'];
const objects = service('sticky', {
  clusterIPs: ['10.13.2.10', 'fd00:13::2:10'],
  port: 80,
  nodePort: 30_210,
  endpoints: [...endpoints, ...endpoints6],
  endpointPort: tcpPort,
  spec: { type: 'NodePort', sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } },
});

for (const mode of modes) {
  describeIn('network namespace', lacks.namespaces ?? lacks[featureOf(mode)], `session affinity, ${mode}`, () => {
    let network: Network;
    beforeAll(async () => {
      network = await bootWorld();
      await loadProgram(network, mode, programOf(objects));
    });
    afterAll(() => network?.close());

    test.each([
      ['a pod', 'client', '10.13.2.10', 80],
      ['a pod in IPv6', 'client', 'fd00:13::2:10', 80],
      ['the node', 'node', '10.13.2.10', 80],
      ['a client outside', 'outside', '172.18.0.12', 30_210],
    ] as const)('%s stays with the endpoint that it met first', async (_, from, to, port) => {
      // By chance alone, 40 connections over four endpoints would never look like this.
      expect(await outcomesLike(network, { from, to, port }, [])).toHaveLength(1);
    });

    test('the choice is remembered for a client, not for all of them', async () => {
      const first = new Set<string>();
      for (let n = 10; n < 60; n++) {
        const seen = await outcomesLike(
          network,
          { from: 'client', fromAddress: `10.12.0.${n}`, to: '10.13.2.10', port: 80 },
          [],
          2,
        );
        expect(seen).toHaveLength(1);
        for (const endpoint of seen) first.add(endpoint);
      }
      // Fifty clients that chose among four leave one out once in two million runs.
      expect([...first].sort()).toEqual(endpoints.map((address) => `${address}:${tcpPort}`).sort());
    });
  });
}
