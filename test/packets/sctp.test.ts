import { afterAll, beforeAll, expect, test, describe } from 'vitest';
import type { Network } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { service } from './objects.ts';
import { expectedOutcomes, loadProgram, programOf } from './program.ts';
import { bootWorld, outcomesLike, type Dial } from './world.ts';

const { lacks } = await probeSupport();

const objects = [
  ...service('signalling', {
    clusterIPs: ['10.13.3.10'],
    port: 2905,
    protocol: 'SCTP',
    nodePort: 30_310,
    endpoints: ['10.12.0.9', '10.10.0.9'],
    endpointPort: 2906,
    spec: { type: 'NodePort' },
  }),
  ...service('silent', { clusterIPs: ['10.13.3.11'], port: 2905, protocol: 'SCTP', endpoints: [], endpointPort: 2906 }),
];

const cases: readonly (readonly [string, Dial, readonly string[]])[] = [
  ['a cluster IP from a pod', { from: 'client', to: '10.13.3.10', port: 2905 }, ['10.10.0.9:2906', '10.12.0.9:2906']],
  [
    'a node port from outside',
    { from: 'outside', to: '172.18.0.12', port: 30_310 },
    ['10.10.0.9:2906 masqueraded', '10.12.0.9:2906 masqueraded'],
  ],
  ['no endpoints', { from: 'client', to: '10.13.3.11', port: 2905 }, ['refused']],
];

const missing = lacks.namespaces ?? lacks.nft ?? lacks.sctp;
describe.each(['nft', 'nftables'] as const)('%s', (mode) => {
  describeIn('network namespace', missing, 'SCTP associations', () => {
    const program = programOf(objects);
    let network: Network;
    beforeAll(async () => {
      network = await bootWorld();
      for (const [host, address] of [
        ['pod', '10.12.0.9'],
        ['remote', '10.10.0.9'],
      ] as const) {
        const station = await network.station(host);
        await station.serve({ transport: 'sctp', address, port: 2906, name: `${address}:2906` });
      }
      // A kernel that has SCTP sockets itself would abort what it has no socket for.
      for (const host of ['pod', 'remote', 'client', 'outside']) {
        await network.run(host)('iptables', [
          '-A',
          'OUTPUT',
          '-p',
          'sctp',
          '-m',
          'sctp',
          '--chunk-types',
          'any',
          'ABORT',
          '-j',
          'DROP',
        ]);
      }
      await loadProgram(network, mode, program);
    });
    afterAll(() => network?.close());

    test.each(cases)('%s', async (_, dial, seen) => {
      const sctp = { ...dial, transport: 'sctp' } as const;
      expect(await outcomesLike(network, sctp, seen, 24)).toEqual(seen);
      expect(expectedOutcomes(program, sctp, mode)).toEqual(seen);
    });
  });
});
