import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { compile } from '../../compiler/index.ts';
import { eventually } from '../helpers/eventually.ts';
import { twoClusters } from '../netns/clusters.ts';
import { bootNetwork, type LocalNetwork } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { environment } from '../netns/processes.ts';
import { node, service } from '../packets/objects.ts';
import { memberSettings } from '../packets/program.ts';
import { describeIn } from '../place.ts';
import { startOnNode } from './command.ts';
import { differences } from './in-force.ts';
import { rewrite } from '../helpers/rewrite.ts';
import { endAll } from '../helpers/children.ts';

const { lacks } = await probeSupport();

const port = 18_080;

/** An API server whose lists have no end. */
const flood = `
  let sent = 0;
  const object = () => ({
    metadata: { name: 's' + sent, namespace: 'flood', resourceVersion: String(1000 + sent++) },
    spec: { clusterIP: '10.99.0.1', ports: [{ name: 'port-' + sent, port: 80 }] },
  });
  require('node:http').createServer((request, response) => {
    const items = Array.from({ length: 500 }, object);
    const page = JSON.stringify({ metadata: { resourceVersion: '1', continue: 'more' }, items });
    setTimeout(() => response.end(page), 10);
  }).listen(${port}, '127.0.0.1', () => console.log('listening'));
`;

describeIn('network namespace', lacks.namespaces, 'an agent that runs out of memory', () => {
  let network: LocalNetwork;
  let folder: string;
  const children = new Set<ChildProcess>();

  beforeAll(async () => {
    network = await bootNetwork(twoClusters);
    folder = mkdtempSync(join(tmpdir(), 'slicewright-memory-'));
    mkdirSync(join(folder, 'own'));
  });
  afterEach(() => endAll(children));
  afterAll(async () => {
    await network.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function put(...endpoints: readonly string[]) {
    const cart = service('cart', { clusterIPs: ['10.13.8.1'], port: 80, endpoints, endpointPort: 8080 });
    const objects = [node, ...cart];
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    rewrite(join(folder, 'own', 'objects.json'), JSON.stringify(list));
    return compile({
      clusters: [{ cluster: undefined, objects }],
      settings: { ...memberSettings, ownCluster: undefined },
      nodeName: 'member2-node',
      localAddresses: undefined,
    });
  }

  function start(more: readonly string[] = [], flags: readonly string[] = []) {
    const args = [
      ...['agent', '--source', join(folder, 'own'), '--hostname-override', 'member2-node'],
      ...['--conntrack-max-per-core=0', '--cluster-cidr', '10.12.0.0/16,fd00:12::/64'],
      ...['--iptables-min-sync-period', '0s', ...more],
    ];
    const command = startOnNode(network, args, { flags });
    children.add(command.child);
    return command;
  }

  it('says so in a sentence before Node aborts; the rules stay, and the next one goes on from them', async () => {
    const run = network.run('member2-node');
    const before = put('10.12.0.6');
    const first = start();
    await eventually(async () => expect(await differences(run, before)).toEqual([]));
    first.child.kill('SIGTERM');
    expect(await first.exited).toBe(0);

    const [file, ...enter] = network.enter('member2-node');
    const server = spawn(file, [...enter, process.execPath, '-e', flood], {
      env: environment,
      stdio: ['ignore', 'pipe', 2],
    });
    children.add(server);
    if (server.stdout !== null) await once(server.stdout, 'data');
    const kubeconfig = join(folder, 'kubeconfig');
    rewrite(
      kubeconfig,
      JSON.stringify({
        clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }],
        users: [{ name: 'u', user: {} }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }),
    );
    const limits = 'objects=100000000,pages=1000000,bytes=1000000000000';
    const flooded = start(['--cluster', `west=${kubeconfig}`, '--source-limits', limits], ['--max-old-space-size=120']);
    expect(await flooded.exited).toBe(1);
    const [last = ''] = flooded.said().trim().split('\n').slice(-1);
    expect(JSON.parse(last)).toMatchObject({
      level: 'error',
      msg: expect.stringMatching(/^memory is used up: \d+ of the 120 MiB that Node's heap may hold .* the rules stay/),
    });
    expect(await differences(run, before)).toEqual([]);

    const after = put('10.12.0.7');
    const next = start();
    await eventually(async () => expect(await differences(run, after)).toEqual([]));
    next.child.kill('SIGTERM');
    expect(await next.exited).toBe(0);
  });
});
