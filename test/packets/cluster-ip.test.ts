import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Network } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { service } from './objects.ts';
import { expectedOutcomes, loadProgram, programOf } from './program.ts';
import { describeIn } from '../place.ts';
import { bootWorld, outcomesLike, tcpPort, udpPort, type Dial, featureOf, modes } from './world.ts';

const { lacks } = await probeSupport();

const objects = [
  ...service('web', {
    clusterIPs: ['10.13.0.10', 'fd00:13::10'],
    port: 80,
    endpoints: ['10.12.0.6', '10.10.0.6', 'fd00:12::6', 'fd00:10::6'],
    endpointPort: tcpPort,
  }),
  ...service('dns', {
    clusterIPs: ['10.13.0.11', 'fd00:13::11'],
    port: 53,
    protocol: 'UDP',
    endpoints: ['10.12.0.7', '10.10.0.7', 'fd00:12::7', 'fd00:10::7'],
    endpointPort: udpPort,
  }),
  // The only endpoint is the first address of the host `pod`: every request from there is a hairpin.
  ...service('mirror', {
    clusterIPs: ['10.13.0.12', 'fd00:13::12'],
    port: 80,
    endpoints: ['10.12.0.6', 'fd00:12::6'],
    endpointPort: tcpPort,
  }),
  ...service('empty', { clusterIPs: ['10.13.0.13', 'fd00:13::13'], port: 80, endpoints: [], endpointPort: tcpPort }),
  ...service('quiet', {
    clusterIPs: ['10.13.0.14', 'fd00:13::14'],
    port: 53,
    protocol: 'UDP',
    endpoints: [],
    endpointPort: udpPort,
  }),
];

/** Each with what must be seen, written by hand; the reference semantics must say the same. */
const cases: readonly (readonly [string, Dial, readonly string[]])[] = [
  [
    'a pod of the node keeps its address',
    { from: 'client', to: '10.13.0.10', port: 80 },
    ['10.10.0.6:8080', '10.12.0.6:8080'],
  ],
  ['the same in IPv6', { from: 'client', to: 'fd00:13::10', port: 80 }, ['[fd00:10::6]:8080', '[fd00:12::6]:8080']],
  [
    'the node is masqueraded',
    { from: 'node', to: '10.13.0.10', port: 80 },
    ['10.10.0.6:8080 masqueraded', '10.12.0.6:8080 masqueraded'],
  ],
  [
    'the same in IPv6',
    { from: 'node', to: 'fd00:13::10', port: 80 },
    ['[fd00:10::6]:8080 masqueraded', '[fd00:12::6]:8080 masqueraded'],
  ],
  [
    'so is a client from outside',
    { from: 'outside', to: '10.13.0.10', port: 80 },
    ['10.10.0.6:8080 masqueraded', '10.12.0.6:8080 masqueraded'],
  ],
  [
    'UDP from a pod',
    { from: 'client', to: '10.13.0.11', port: 53, transport: 'udp' },
    ['10.10.0.7:5353', '10.12.0.7:5353'],
  ],
  [
    'UDP from a pod in IPv6',
    { from: 'client', to: 'fd00:13::11', port: 53, transport: 'udp' },
    ['[fd00:10::7]:5353', '[fd00:12::7]:5353'],
  ],
  [
    'a pod reaches itself through its Service, masqueraded',
    { from: 'pod', to: '10.13.0.12', port: 80 },
    ['10.12.0.6:8080 masqueraded'],
  ],
  ['the same in IPv6', { from: 'pod', to: 'fd00:13::12', port: 80 }, ['[fd00:12::6]:8080 masqueraded']],
  ['without endpoints a pod is refused at once', { from: 'client', to: '10.13.0.13', port: 80 }, ['refused']],
  ['the node is refused, too', { from: 'node', to: '10.13.0.13', port: 80 }, ['refused']],
  ['the same in IPv6', { from: 'client', to: 'fd00:13::13', port: 80 }, ['refused']],
  [
    'UDP without endpoints is refused at once',
    { from: 'client', to: '10.13.0.14', port: 53, transport: 'udp' },
    ['refused'],
  ],
];

for (const mode of modes) {
  describeIn('network namespace', lacks.namespaces ?? lacks[featureOf(mode)], `cluster IPs, ${mode}`, () => {
    const program = programOf(objects);
    let network: Network;
    beforeAll(async () => {
      network = await bootWorld();
      await loadProgram(network, mode, program);
    });
    afterAll(() => network?.close());

    test.each(cases)('%s', async (_, dial, seen) => {
      expect(await outcomesLike(network, dial, seen)).toEqual(seen);
      expect(expectedOutcomes(program, dial, mode)).toEqual(seen);
    });
  });
}
