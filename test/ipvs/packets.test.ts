import { scopeFor } from '../helpers/scope.ts';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { assemble } from '../../backends/assemble.ts';
import { applyProgram } from '../../backends/ipvs/live/apply.ts';
import { ipvsExpectation } from '../../backends/ipvs/program/exceptions.ts';
import { ipvs } from '../../backends/ipvs/index.ts';
import { parseConnections } from '../../backends/ipvs/program/parse.ts';
import { families } from '../../compiler/values/address.ts';
import { twoClusters } from '../netns/clusters.ts';
import type { Network } from '../netns/network.ts';
import { type Manifest, service } from '../packets/objects.ts';
import { outcomesOf, packetOf, type Program, programOf } from '../packets/program.ts';
import { askOnce, type Dial, outcomes, serveWorld, tcpPort, udpPort } from '../packets/world.ts';
import { describeIn } from '../place.ts';
import { bootIpvsNetwork, ipvsAvailability } from '../vm/network.ts';

const { place, missing } = await ipvsAvailability();
/** For answers that are on their way: the machine is busy with other tests, too. */
const patienceMs = 30_000;

const both = ['10.12.0.6', '10.10.0.6', 'fd00:12::6', 'fd00:10::6'];
const remoteOnly = ['10.10.0.6', 'fd00:10::6'];
const local = { externalTrafficPolicy: 'Local' };

/** TCP port 80 unless they say otherwise, endpoints on 8080. */
const objects = [
  ...sketch('plain', 1, both),
  ...sketch('empty', 2, []),
  ...sketch('inside', 3, remoteOnly, {}, { internalTrafficPolicy: 'Local' }),
  ...service('sticky', {
    clusterIPs: ['10.13.1.4'],
    port: 80,
    endpoints: ['10.12.0.6', '10.12.0.7', '10.10.0.6'],
    endpointPort: tcpPort,
    spec: { sessionAffinity: 'ClientIP' },
  }),
  ...sketch('port', 10, both, { nodePort: 30_010 }, { type: 'NodePort' }),
  ...sketch('port-local', 11, both, { nodePort: 30_011 }, { type: 'NodePort', ...local }),
  ...sketch('port-nothing-local', 12, remoteOnly, { nodePort: 30_012 }, { type: 'NodePort', ...local }),
  ...sketch(
    'guarded',
    22,
    both,
    { nodePort: 30_022, ingress: ['203.0.113.22', '2001:db8:113::22'] },
    { type: 'LoadBalancer', loadBalancerSourceRanges: ['172.18.0.99/32', 'fd00:18::99/128'] },
  ),
  ...sketch('owned', 30, both, {}, { externalIPs: ['203.0.113.30', '2001:db8:113::30'] }),
  ...service('names', {
    clusterIPs: ['10.13.1.53'],
    port: 53,
    protocol: 'UDP',
    endpoints: ['10.12.0.6', '10.10.0.6'],
    endpointPort: udpPort,
  }),
];

function sketch(
  name: string,
  n: number,
  endpoints: readonly string[],
  more: { readonly nodePort?: number; readonly ingress?: readonly string[] } = {},
  spec: Readonly<Record<string, unknown>> = {},
): Manifest[] {
  const clusterIPs = [`10.13.1.${n}`, `fd00:13::1:${n}`];
  return service(name, { clusterIPs, port: 80, endpoints, endpointPort: tcpPort, ...more, spec });
}

const [v4, v6] = ['172.18.0.12', 'fd00:18::12'];
const seen = ['10.10.0.6:8080', '10.12.0.6:8080'];
const seen6 = ['[fd00:10::6]:8080', '[fd00:12::6]:8080'];
const hidden = seen.map((endpoint) => `${endpoint} masqueraded`);
const hidden6 = seen6.map((endpoint) => `${endpoint} masqueraded`);

/** Each with what must be seen, written by hand; what IPVS is held to must say the same. */
const cases: readonly (readonly [string, Dial, readonly string[]])[] = [
  ['a pod reaches every cluster, and is seen', { from: 'client', to: '10.13.1.1', port: 80 }, seen],
  ['the same in IPv6', { from: 'client', to: 'fd00:13::1:1', port: 80 }, seen6],
  ['the node reaches every cluster, masqueraded', { from: 'node', to: '10.13.1.1', port: 80 }, hidden],
  ['whoever is outside is masqueraded', { from: 'outside', to: '10.13.1.1', port: 80 }, hidden],
  [
    'a pod that is sent to itself sees the node instead',
    { from: 'pod', to: '10.13.1.1', port: 80 },
    ['10.10.0.6:8080', '10.12.0.6:8080 masqueraded'],
  ],
  ['UDP', { from: 'client', to: '10.13.1.53', port: 53, transport: 'udp' }, ['10.10.0.6:5353', '10.12.0.6:5353']],
  ['no endpoints: refused', { from: 'client', to: '10.13.1.2', port: 80 }, ['refused']],
  ['the same from the node', { from: 'node', to: '10.13.1.2', port: 80 }, ['refused']],
  ['another port of a Service: refused', { from: 'client', to: '10.13.1.1', port: 81 }, ['refused']],
  ['nothing local for internal traffic: silence', { from: 'client', to: '10.13.1.3', port: 80 }, ['silence']],
  ['the same for the node', { from: 'node', to: '10.13.1.3', port: 80 }, ['silence']],
  ['a node port reaches every cluster, masqueraded', { from: 'outside', to: v4, port: 30_010 }, hidden],
  ['the same in IPv6', { from: 'outside', to: v6, port: 30_010 }, hidden6],
  ['a node port answers the node itself', { from: 'node', to: v4, port: 30_010 }, hidden],
  [
    'policy Local keeps the client and stays on the node',
    { from: 'outside', to: v4, port: 30_011 },
    ['10.12.0.6:8080'],
  ],
  ['and pods stay there, too', { from: 'client', to: v4, port: 30_011 }, ['10.12.0.6:8080']],
  ['nothing local: silence for who is outside', { from: 'outside', to: v4, port: 30_012 }, ['silence']],
  ['nothing local: pods reach the other cluster', { from: 'client', to: v4, port: 30_012 }, ['10.10.0.6:8080']],
  ['and so does the node', { from: 'node', to: v4, port: 30_012 }, ['10.10.0.6:8080 masqueraded']],
  ['a client in the source ranges gets in', { from: 'outside', to: '203.0.113.22', port: 80 }, hidden],
  [
    'one that is not meets silence',
    { from: 'outside', fromAddress: '172.18.0.98', to: '203.0.113.22', port: 80 },
    ['silence'],
  ],
  ['nor does the node get in', { from: 'node', to: '203.0.113.22', port: 80 }, ['silence']],
  ['an external IP is served, masqueraded', { from: 'outside', to: '203.0.113.30', port: 80 }, hidden],
  ['the same in IPv6', { from: 'outside', to: '2001:db8:113::30', port: 80 }, hidden6],
];

async function apply(network: Network, { compilation }: Program, cut = false) {
  const reports = [];
  for (const family of families) {
    const services = compilation.services[family];
    const { program } = assemble(ipvs, services, compilation.node[family]);
    reports.push(await applyProgram(network.run('member2-node'), scopeFor(family), { program, services }, { cut }));
  }
  return reports;
}

describeIn(place, missing, 'packets through IPVS', () => {
  const program = programOf(objects);
  let network: Network;
  beforeAll(async () => {
    network = await bootIpvsNetwork(twoClusters);
    await serveWorld(network);
    await apply(network, program);
  }, 1_500_000);
  afterAll(() => network?.close());

  test.each(cases)('%s', async (_, dial, wanted) => {
    const packet = packetOf(dial);
    const { services, node } = program.compilation;
    const verdict = ipvsExpectation(services[packet.family], node[packet.family])(packet);
    expect(outcomesOf(verdict)).toEqual(wanted);
    // rr takes turns, so few connections meet every endpoint.
    const waitMs = wanted.includes('silence') ? undefined : patienceMs;
    expect(await outcomes(network, dial, 6, waitMs)).toEqual(wanted);
  });

  test('rr divides 29 requests 15 : 14', async () => {
    const count = new Map<string, number>();
    for (let i = 0; i < 29; i++) {
      const answer = await askOnce(network, { from: 'client', to: '10.13.1.1', port: 80 }, patienceMs);
      const by = answer.kind === 'answered' ? answer.by : answer.kind;
      count.set(by, (count.get(by) ?? 0) + 1);
    }
    expect([...count.values()].sort((a, b) => a - b)).toEqual([14, 15]);
  }, 1_500_000);

  test('a client of a Service with affinity stays with its endpoint', async () => {
    expect(await outcomes(network, { from: 'client', to: '10.13.1.4', port: 80 }, 8, patienceMs)).toHaveLength(1);
  }, 1_500_000);

  test('UDP clients go to another endpoint when theirs is gone', async () => {
    const dial: Dial = { from: 'client', fromAddress: '10.12.0.20', to: '10.13.1.53', port: 53, transport: 'udp' };
    const one = (endpoint: string) =>
      programOf([...objects.filter((object) => !isNames(object)), ...names([endpoint])]);
    await apply(network, one('10.12.0.6'));
    expect(await outcomes(network, dial, 2, patienceMs)).toEqual(['10.12.0.6:5353']);
    await apply(network, one('10.10.0.6'));
    expect(await outcomes(network, dial, 2, patienceMs)).toEqual(['10.10.0.6:5353']);
    await apply(network, program);
  }, 1_500_000);

  test('an open connection goes on while its endpoint leaves, and the endpoint is gone when it closes', async () => {
    const endpoints = ['10.12.0.6', '10.10.0.6'];
    const talking = (those: readonly string[]) =>
      programOf(service('talk', { clusterIPs: ['10.13.1.90'], port: 90, endpoints: those, endpointPort: 9000 }));
    const run = network.run('member2-node');
    const servers = async () => (await run('ipvsadm', ['--save', '-n'])).stdout;
    for (const [host, address] of [
      ['pod', '10.12.0.6'],
      ['remote', '10.10.0.6'],
    ] as const) {
      // It serves until the network is taken away under it; of two tries the second finds the first one's.
      void network
        .run(host, 600_000)('perl', [talk, 'serve', address, '9000'])
        .catch(() => {});
      await untilServed(network, host, address);
    }
    const folder = `/tmp/talk-${++tries}`;
    onTestFinished(async () => void (await run('mkdir', ['-p', `${folder}/end`])));
    await untilConnections(network, (keys) => keys.length === 0);
    await apply(network, talking(endpoints), true);
    await run('mkdir', [folder]);
    const client = network.run('client', 600_000)('perl', [talk, 'talk', '10.13.1.90', '90', folder]);
    const first = await untilConnected(network);

    // Whoever it was that answered leaves.
    const stays = endpoints.filter((endpoint) => !first.startsWith(`${endpoint}:`));
    const [report] = await apply(network, talking(stays));
    expect(report?.draining).toBe(1);
    expect(await servers()).toContain(`-r ${first} -m -w 0`);
    await run('mkdir', [`${folder}/mark`]);
    const other = await network.run('client')('perl', ['-e', oneAnswer, '10.13.1.90', '90']);
    expect([other.stdout.trim(), other.stderr]).toEqual([`${stays[0]}:9000`, '']);
    await run('mkdir', [`${folder}/end`]);

    const { stdout, stderr } = await client;
    expect(stderr).toBe('');
    const answers = stdout.trim().split('\n');
    expect(new Set(answers.filter((line) => line !== 'mark'))).toEqual(new Set([first]));
    expect(answers.slice(answers.indexOf('mark') + 1).length).toBeGreaterThan(1);
    await untilDrained(network, talking(stays));
    expect(await servers()).not.toContain(`-r ${first} `);
  }, 1_500_000);
});

const talk = fileURLToPath(new URL('talk.pl', import.meta.url));
const oneAnswer =
  'use IO::Socket::INET; my $s = IO::Socket::INET->new("$ARGV[0]:$ARGV[1]") or die $!; print $s "?\n"; print scalar <$s>';
let tries = 0;

async function untilServed(network: Network, host: string, address: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const { stdout } = await network.run(host)('perl', ['-e', oneAnswer, address, '9000']);
    if (stdout.trim() === `${address}:9000`) return;
  }
  throw new Error(`nothing serves ${address}:9000`);
}

/** The real server that a connection is open to. */
async function untilConnected(network: Network): Promise<string> {
  const [key = ''] = await untilConnections(network, (keys) => keys.length > 0);
  return key.split('/').at(-1) ?? '';
}

async function untilConnections(network: Network, isIt: (keys: string[]) => boolean): Promise<string[]> {
  for (let i = 0; i < 500; i++) {
    const { stdout } = await network.run('member2-node')('ipvsadm', ['--list', '-n']);
    const keys = [...parseConnections(stdout).keys()].filter((key) => key.includes('10.13.1.90:90'));
    if (isIt(keys)) return keys;
  }
  throw new Error('the connections stay as they are');
}

function isNames({ metadata }: Manifest): boolean {
  return JSON.stringify(metadata).includes('"names');
}

function names(endpoints: readonly string[]): Manifest[] {
  return service('names', { clusterIPs: ['10.13.1.53'], port: 53, protocol: 'UDP', endpoints, endpointPort: udpPort });
}

/** IPVS itself remembers a closed connection for ten seconds. */
async function untilDrained(network: Network, program: Program): Promise<void> {
  for (let i = 0; i < 60; i++) {
    const reports = await apply(network, program);
    if (reports.every(({ draining }) => draining === 0)) return;
  }
  throw new Error('still draining');
}
