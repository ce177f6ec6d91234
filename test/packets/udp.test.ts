import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Network } from '../netns/network.ts';
import type { Answer } from '../netns/station-protocol.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { openLiveRules } from './live.ts';
import { service } from './objects.ts';
import { programOf, type Program } from './program.ts';
import { bootWorld, udpPort } from './world.ts';

const { lacks } = await probeSupport();

function dns(endpoints: readonly string[]): Program {
  return programOf(
    service('dns', {
      clusterIPs: ['10.13.4.10'],
      port: 53,
      protocol: 'UDP',
      nodePort: 30_453,
      endpoints,
      endpointPort: udpPort,
      spec: { type: 'NodePort' },
    }),
  );
}

for (const mode of ['nft', 'legacy'] as const) {
  const missing = lacks.namespaces ?? lacks[mode] ?? lacks.conntrack;
  describeIn('network namespace', missing, `a UDP client that never stops sending, ${mode}`, () => {
    let network: Network;
    beforeAll(async () => {
      network = await bootWorld();
    });
    afterAll(() => network?.close());

    /** Always from the same port: to the kernel, one connection for as long as it is remembered. */
    async function ask(from: 'client' | 'outside', address: string, port: number): Promise<Answer> {
      const station = await network.station(from);
      return station.ask({ transport: 'udp', address, port, fromPort: 40_053 });
    }

    test.each([
      ['cluster IP', 'client', '10.13.4.10', 53],
      ['node port', 'outside', '172.18.0.12', 30_453],
    ] as const)('follows the endpoints of a %s', async (_, from, address, port) => {
      const rules = await openLiveRules(network, mode, 'IPv4');

      await rules.apply(dns(['10.12.0.6']));
      expect(await ask(from, address, port)).toMatchObject({ by: '10.12.0.6:5353' });

      // Another endpoint joins: whoever has one keeps it.
      await rules.apply(dns(['10.12.0.6', '10.10.0.7']));
      for (let i = 0; i < 10; i++) expect(await ask(from, address, port)).toMatchObject({ by: '10.12.0.6:5353' });

      // Its own goes: without help the kernel would send there for as long as the client sends.
      const { forgotten } = await rules.apply(dns(['10.10.0.7']));
      expect(forgotten).toEqual({ found: 1, problem: undefined });
      expect(await ask(from, address, port)).toMatchObject({ by: '10.10.0.7:5353' });

      // All go, and come back: what went nowhere in between is not remembered either.
      await rules.apply(dns([]));
      expect(await ask(from, address, port)).toMatchObject({ kind: 'refused' });
      await rules.apply(dns(['10.12.0.8']));
      expect(await ask(from, address, port)).toMatchObject({ by: '10.12.0.8:5353' });
    });
  });
}
