import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
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

/** Holds connections to the health server, and makes each anew that ends. */
const holder = `
  const { connect } = require('node:net');
  const hold = () => connect(10256, '127.0.0.1').on('error', () => {}).on('close', () => setTimeout(hold, 20));
  for (let i = 0; i < 60; i++) hold();
`;

describeIn('network namespace', lacks.namespaces, 'an agent that may have 40 files open', () => {
  let network: LocalNetwork;
  let folder: string;
  const children = new Set<ChildProcess>();

  beforeAll(async () => {
    network = await bootNetwork(twoClusters);
    folder = mkdtempSync(join(tmpdir(), 'slicewright-descriptors-'));
  });
  afterEach(() => endAll(children));
  afterAll(async () => {
    await network.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function put(...endpoints: readonly string[]) {
    const cart = service('cart', { clusterIPs: ['10.13.8.1'], port: 80, endpoints, endpointPort: 8080 });
    const objects = [node, ...cart];
    rewrite(join(folder, 'objects.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
    return compile({
      clusters: [{ cluster: undefined, objects }],
      settings: { ...memberSettings, ownCluster: undefined },
      nodeName: 'member2-node',
      localAddresses: undefined,
    });
  }

  it('serves; while clients take them all, it says so and the rules stay; it goes on when they are free again', async () => {
    const run = network.run('member2-node');
    const first = put('10.12.0.6');
    const { child, said, exited } = startOnNode(
      network,
      [
        ...['agent', '--source', folder, '--hostname-override', 'member2-node', '--conntrack-max-per-core=0'],
        ...['--cluster-cidr', '10.12.0.0/16,fd00:12::/64', '--iptables-min-sync-period', '0s'],
        ...['--iptables-sync-period', '1s'],
      ],
      { before: ['prlimit', '--nofile=40'] },
    );
    children.add(child);
    await eventually(async () => expect(await differences(run, first)).toEqual([]));
    await eventually(() => expect(said()).toContain('"server":"health"'));

    const [file, ...enter] = network.enter('member2-node');
    const clients = spawn(file, [...enter, process.execPath, '-e', holder], { env: environment, stdio: 'ignore' });
    children.add(clients);
    await eventually(() =>
      expect(said()).toMatch(/sync failed: .*could not be started: too many open files \(EMFILE\)"/),
    );
    const second = put('10.12.0.7');
    await eventually(() =>
      expect(said().match(/could not be started: too many open files/g)?.length).toBeGreaterThan(2),
    );
    // A client that is cut off leaves a file free for a moment, in which a sync may succeed. Rules are never between the two.
    if ((await differences(run, first)).length > 0) expect(await differences(run, second)).toEqual([]);
    expect(child.exitCode).toBeNull();

    const gone = once(clients, 'exit');
    clients.kill('SIGKILL');
    await gone;
    await eventually(async () => expect(await differences(run, second)).toEqual([]));
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
    for (const line of said().trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg');
  });
});
