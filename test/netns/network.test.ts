import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { describeIn } from '../place.ts';
import { descendantsOf, isAlive } from './descendants.ts';
import { bootNetwork, type Network } from './network.ts';
import { probeSupport } from './probe.ts';
import type { Topology } from './topology.ts';

const { lacks } = await probeSupport();

/** A client and a server, a router between them. */
const topology: Topology = {
  hosts: [
    { name: 'client', role: 'endpoint', routes: ['default via 10.1.0.1', 'default via fd00:1::1'] },
    { name: 'router', role: 'router' },
    { name: 'server', role: 'endpoint', routes: ['default via 10.2.0.1', 'default via fd00:2::1'] },
  ],
  wires: [
    [
      { host: 'client', interface: 'eth0', addresses: ['10.1.0.2/24', 'fd00:1::2/64'] },
      { host: 'router', interface: 'left', addresses: ['10.1.0.1/24', 'fd00:1::1/64'] },
    ],
    [
      { host: 'server', interface: 'eth0', addresses: ['10.2.0.2/24', 'fd00:2::2/64'] },
      { host: 'router', interface: 'right', addresses: ['10.2.0.1/24', 'fd00:2::1/64'] },
    ],
  ],
};

describeIn('network namespace', lacks.namespaces, 'a network of namespaces', () => {
  let network: Network;
  beforeAll(async () => {
    network = await bootNetwork(topology);
    const server = await network.station('server');
    for (const address of ['10.2.0.2', 'fd00:2::2']) {
      await server.serve({ transport: 'tcp', address, port: 80, name: 'server' });
      await server.serve({ transport: 'udp', address, port: 53, name: 'server' });
    }
  });
  afterAll(() => network.close());

  test.each([
    ['tcp', '10.2.0.2', 80, '10.1.0.2'],
    ['tcp', 'fd00:2::2', 80, 'fd00:1::2'],
    ['udp', '10.2.0.2', 53, '10.1.0.2'],
    ['udp', 'fd00:2::2', 53, 'fd00:1::2'],
  ] as const)('%s to %s answers with its name and the client that it saw', async (transport, address, port, from) => {
    const client = await network.station('client');
    expect(await client.ask({ transport, address, port, fromPort: 40_000 })).toEqual({
      kind: 'answered',
      by: 'server',
      from: { address: from, port: 40_000 },
    });
  });

  test.each(['tcp', 'udp'] as const)(
    'nobody on a %s port is a refusal, nobody at an address is not',
    async (transport) => {
      const client = await network.station('client');
      expect(await client.ask({ transport, address: '10.2.0.2', port: 9 })).toMatchObject({ kind: 'refused' });
      const answer = await client.ask({ transport, address: '10.2.0.3', port: 80, timeoutMs: 300 });
      expect(answer.kind).toBe('silence');
    },
  );

  test('a client that resets its connection leaves none behind', async () => {
    const client = await network.station('client');
    const question = { transport: 'tcp', address: '10.2.0.2', port: 80 } as const;
    for (const [fromPort, resets] of [
      [40_002, false],
      [40_003, true],
    ] as const) {
      expect(await client.ask({ ...question, fromPort, resets })).toMatchObject({ kind: 'answered' });
    }
    await eventually(async () => {
      const { stdout } = await network.run('server')('ss', ['-Htan']);
      expect(stdout.match(/^TIME-WAIT.*:4000[23]\b/gm)?.map((line) => line.slice(-5))).toEqual(['40002']);
    });
  });

  test('commands run side by side, of any length, and late ones are killed', async () => {
    const run = network.run('router');
    const long = 'Grüße, '.repeat(100_000);
    const [echoed, late, killed, quick] = await Promise.all([
      run('cat', [], long),
      network.run('router', 1_000)('sleep', ['60']),
      run('sh', ['-c', 'echo said; kill -9 $$']),
      run('sh', ['-c', 'echo out; echo err >&2; exit 3']),
    ]);
    expect(echoed.stdout === long).toBe(true);
    expect(late).toMatchObject({ exitCode: undefined, failure: 'timeout' });
    expect(killed).toMatchObject({ exitCode: undefined, failure: 'killed', stdout: 'said\n' });
    expect(quick).toEqual({ exitCode: 3, stdout: 'out\n', stderr: 'err\n' });
  });

  test('commands run as administrator of their host, and say when they cannot', async () => {
    const run = network.run('router');
    expect((await run('ip', ['-o', 'link', 'show', 'left'])).stdout).toContain('left@');
    expect(await run('no-such-program', [])).toMatchObject({ exitCode: undefined, failure: 'not-found' });
    expect(await run('cat', [], 'through\n')).toMatchObject({ exitCode: 0, stdout: 'through\n' });
    await expect(async () => network.run('elsewhere')).rejects.toThrow('no host elsewhere');
  });

  test('SCTP answers over raw sockets', async ({ skip }) => {
    skip(lacks.sctp !== undefined, lacks.sctp);
    const server = await network.station('server');
    await server.serve({ transport: 'sctp', address: '10.2.0.2', port: 7777, name: 'sctp server' });
    const client = await network.station('client');
    expect(await client.ask({ transport: 'sctp', address: '10.2.0.2', port: 7777, fromPort: 40_001 })).toEqual({
      kind: 'answered',
      by: 'sctp server',
      from: { address: '10.1.0.2', port: 40_001 },
    });
  });

  test('a load counts its connections and what failed', async () => {
    const client = await network.station('client');
    const targets = [80, 9].map((port) => ({ address: '10.2.0.2', port }));
    await client.startLoad({ targets, workers: 2, timeoutMs: 1_000 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { connections, answers, failures } = await client.stopLoad();
    const answered = answers['10.2.0.2:80 server'] ?? 0;
    expect(answered).toBeGreaterThan(0);
    expect(failures.length).toBeGreaterThan(0);
    expect(new Set(failures.map((failure) => failure.target))).toEqual(new Set(['10.2.0.2:9']));
    expect(answered + failures.length).toBe(connections);
  });
});

describeIn('network namespace', lacks.namespaces, 'a network whose owner is killed', () => {
  test('is gone, with every process in it', async () => {
    const fixture = fileURLToPath(new URL('killed.fixture.ts', import.meta.url));
    const owner = spawn(process.execPath, [fixture], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(owner.stdout, 'data');
    const children = descendantsOf(owner.pid);
    expect(children.length).toBe(2);
    owner.kill('SIGKILL');
    // They end by themselves; waiting is bounded by the test's own time limit.
    while (children.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 20));
  });
});
