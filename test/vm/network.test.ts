import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Network } from '../netns/network.ts';
import type { Topology } from '../netns/topology.ts';
import { describeIn } from '../place.ts';
import { bootIpvsNetwork, ipvsAvailability } from './network.ts';

const { place, missing } = await ipvsAvailability();

const topology: Topology = {
  hosts: [
    { name: 'client', role: 'endpoint', routes: ['default via 10.1.0.1'] },
    { name: 'node', role: 'router' },
    { name: 'server', role: 'endpoint', routes: ['default via 10.2.0.1'] },
  ],
  wires: [
    [
      { host: 'client', interface: 'eth0', addresses: ['10.1.0.2/24'] },
      { host: 'node', interface: 'left', addresses: ['10.1.0.1/24'] },
    ],
    [
      { host: 'server', interface: 'eth0', addresses: ['10.2.0.2/24'] },
      { host: 'node', interface: 'right', addresses: ['10.2.0.1/24'] },
    ],
  ],
};

describeIn(place, missing, 'a kernel with IPVS', () => {
  let network: Network;
  beforeAll(async () => {
    network = await bootIpvsNetwork(topology);
  }, 1_500_000);
  afterAll(() => network?.close());

  test('virtual and real servers are read back as they were written', async () => {
    const run = network.run('node');
    const text = '-A -t 10.9.0.1:80 -s rr\n-a -t 10.9.0.1:80 -r 10.2.0.2:8080 -m -w 1\n';
    expect(await run('ipvsadm', ['--restore'], text)).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await run('ipvsadm', ['--save', '-n'])).stdout).toBe(text);
  });

  test('sets, their matches and dummy links are there', async () => {
    const run = network.run('node');
    await run('ipset', ['restore'], 'create TEST hash:ip,port\nadd TEST 10.9.0.1,tcp:80\n');
    const rules = '*nat\n:TEST - [0:0]\n-A TEST -m set --match-set TEST dst,dst -j RETURN\nCOMMIT\n';
    expect(await run('iptables-restore', ['--noflush'], rules)).toMatchObject({ exitCode: 0 });
    expect((await run('iptables-save', ['-t', 'nat'])).stdout).toContain('-A TEST -m set --match-set TEST dst,dst');
    expect(await run('ip', ['link', 'add', 'kube-ipvs0', 'type', 'dummy'])).toMatchObject({ exitCode: 0 });
    expect(await run('ip', ['address', 'add', '10.9.0.1/32', 'dev', 'kube-ipvs0'])).toMatchObject({ exitCode: 0 });
    expect((await run('cat', ['/proc/sys/net/ipv4/vs/conntrack'])).stdout).toMatch(/^[01]\n$/);
  });

  test('a client reaches the server behind the virtual one', async () => {
    const server = await network.station('server');
    await server.serve({ transport: 'tcp', address: '10.2.0.2', port: 8080, name: 'server' });
    const client = await network.station('client');
    expect(await client.ask({ transport: 'tcp', address: '10.9.0.1', port: 80, fromPort: 40_000 })).toEqual({
      kind: 'answered',
      by: 'server',
      from: { address: '10.1.0.2', port: 40_000 },
    });
  });

  test('networks do not see each other', async () => {
    await using other = await bootIpvsNetwork();
    expect((await other.run('node')('ipvsadm', ['--save', '-n'])).stdout).toBe('');
  });

  test('a program that is not there and a host that is not there are told apart', async () => {
    expect(await network.run('node')('no-such-program', [])).toMatchObject({ failure: 'not-found' });
    expect(() => network.run('elsewhere')).toThrow('no host elsewhere');
  });
});
