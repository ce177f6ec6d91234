import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Network } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { service } from './objects.ts';
import { expectedOutcomes, loadProgram, programOf } from './program.ts';
import { bootWorld, outcomesLike, tcpPort, type Dial, featureOf, type Mode, modes } from './world.ts';

const { lacks } = await probeSupport();

const both = ['10.12.0.6', '10.10.0.6', 'fd00:12::6', 'fd00:10::6'];
const remoteOnly = ['10.10.0.6', 'fd00:10::6'];
const local = { externalTrafficPolicy: 'Local' };

/** One Service of each external kind and policy, all with TCP port 80 and endpoints on 8080. */
const objects = [
  ...external('port', 10, both, { nodePort: 30_010 }, { type: 'NodePort' }),
  ...external('port-local', 11, both, { nodePort: 30_011 }, { type: 'NodePort', ...local }),
  ...external('port-nothing-local', 12, remoteOnly, { nodePort: 30_012 }, { type: 'NodePort', ...local }),
  ...external('port-empty', 13, [], { nodePort: 30_013 }, { type: 'NodePort' }),
  ...external(
    'balanced',
    20,
    both,
    { nodePort: 30_020, ingress: ['203.0.113.20', '2001:db8:113::20'] },
    { type: 'LoadBalancer' },
  ),
  ...external(
    'balanced-local',
    21,
    both,
    { nodePort: 30_021, ingress: ['203.0.113.21', '2001:db8:113::21'] },
    { type: 'LoadBalancer', healthCheckNodePort: 31_021, ...local },
  ),
  // Outside has two addresses; only the first is in the ranges.
  ...external(
    'guarded',
    22,
    both,
    { nodePort: 30_022, ingress: ['203.0.113.22', '2001:db8:113::22'] },
    { type: 'LoadBalancer', loadBalancerSourceRanges: ['172.18.0.99/32', 'fd00:18::99/128'] },
  ),
  ...external('owned', 30, both, {}, { externalIPs: ['203.0.113.30', '2001:db8:113::30'] }),
];

function external(
  name: string,
  n: number,
  endpoints: readonly string[],
  sketch: { readonly nodePort?: number; readonly ingress?: readonly string[] },
  spec: Readonly<Record<string, unknown>>,
) {
  const clusterIPs = [`10.13.1.${n}`, `fd00:13::1:${n}`];
  return service(name, { clusterIPs, port: 80, endpoints, endpointPort: tcpPort, ...sketch, spec });
}

const [v4, v6] = ['172.18.0.12', 'fd00:18::12'];
const kept = ['10.10.0.6:8080', '10.12.0.6:8080'];
const kept6 = ['[fd00:10::6]:8080', '[fd00:12::6]:8080'];
const masqueraded = kept.map((endpoint) => `${endpoint} masqueraded`);
const masqueraded6 = kept6.map((endpoint) => `${endpoint} masqueraded`);

/** Each with what must be seen, written by hand; the reference semantics must say the same. */
const cases: readonly (readonly [string, Dial, readonly string[]])[] = [
  ['a node port reaches every cluster, masqueraded', { from: 'outside', to: v4, port: 30_010 }, masqueraded],
  ['the same in IPv6', { from: 'outside', to: v6, port: 30_010 }, masqueraded6],
  ['a node port from a pod is masqueraded, too', { from: 'client', to: v4, port: 30_010 }, masqueraded],
  ['a node port answers the node itself', { from: 'node', to: v4, port: 30_010 }, masqueraded],
  [
    'policy Local keeps the client and stays on the node',
    { from: 'outside', to: v4, port: 30_011 },
    ['10.12.0.6:8080'],
  ],
  ['the same in IPv6', { from: 'outside', to: v6, port: 30_011 }, ['[fd00:12::6]:8080']],
  ['to a pod of the cluster, policy Local is open as ever', { from: 'client', to: v4, port: 30_011 }, kept],
  ['nothing local: silence for who is outside', { from: 'outside', to: v4, port: 30_012 }, ['silence']],
  ['nothing local: pods reach the other cluster', { from: 'client', to: v4, port: 30_012 }, ['10.10.0.6:8080']],
  ['a node port without endpoints refuses', { from: 'outside', to: v4, port: 30_013 }, ['refused']],
  ['the same in IPv6', { from: 'outside', to: v6, port: 30_013 }, ['refused']],
  ['a load balancer address reaches every cluster', { from: 'outside', to: '203.0.113.20', port: 80 }, masqueraded],
  ['the same in IPv6', { from: 'outside', to: '2001:db8:113::20', port: 80 }, masqueraded6],
  ['with policy Local it keeps the client', { from: 'outside', to: '203.0.113.21', port: 80 }, ['10.12.0.6:8080']],
  ['pods reach it without the load balancer', { from: 'client', to: '203.0.113.21', port: 80 }, kept],
  ['a client in its source ranges is let in', { from: 'outside', to: '203.0.113.22', port: 80 }, masqueraded],
  ['any other is not', { from: 'outside', fromAddress: '172.18.0.98', to: '203.0.113.22', port: 80 }, ['silence']],
  ['in IPv6 one is let in', { from: 'outside', to: '2001:db8:113::22', port: 80 }, masqueraded6],
  [
    'and the other is not',
    { from: 'outside', fromAddress: 'fd00:18::98', to: '2001:db8:113::22', port: 80 },
    ['silence'],
  ],
  [
    'source ranges do not guard its node port',
    { from: 'outside', fromAddress: '172.18.0.98', to: v4, port: 30_022 },
    masqueraded,
  ],
  ['an external address reaches every cluster', { from: 'outside', to: '203.0.113.30', port: 80 }, masqueraded],
  ['the same in IPv6', { from: 'outside', to: '2001:db8:113::30', port: 80 }, masqueraded6],
];

/** nftables mode leaves loopback alone, and nobody else listens there. */
const loopbackCases = (mode: Mode): typeof cases => [
  [
    'on its loopback address too',
    { from: 'node', to: '127.0.0.1', port: 30_010 },
    mode === 'nftables' ? ['refused'] : masqueraded,
  ],
];

for (const mode of modes) {
  describeIn(
    'network namespace',
    lacks.namespaces ?? lacks[featureOf(mode)],
    `node ports and external addresses, ${mode}`,
    () => {
      const program = programOf(objects);
      let network: Network;
      beforeAll(async () => {
        network = await bootWorld();
        await loadProgram(network, mode, program);
      });
      afterAll(() => network?.close());

      test.each([...cases, ...loopbackCases(mode)])('%s', async (_, dial, seen) => {
        expect(await outcomesLike(network, dial, seen)).toEqual(seen);
        const expected = expectedOutcomes(program, dial, mode);
        expect(expected.map((outcome) => (outcome === 'untouched' ? 'refused' : outcome))).toEqual(seen);
      });
    },
  );
}
