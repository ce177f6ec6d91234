import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import type { LocalNetwork } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { node, service } from '../packets/objects.ts';
import { askOnce, bootWorld, tcpPort } from '../packets/world.ts';
import { describeIn } from '../place.ts';
import { type NodeCommand, startOnNode } from './command.ts';
import { rewrite } from '../helpers/rewrite.ts';

const { lacks } = await probeSupport();

const missing = lacks.namespaces ?? lacks.nft ?? lacks.nfacct;
describeIn('network namespace', missing, 'an agent that counts', () => {
  let network: LocalNetwork;
  let agent: NodeCommand | undefined;
  const folder = mkdtempSync(join(tmpdir(), 'slicewright-counting-'));

  beforeAll(async () => {
    network = await bootWorld();
    const web = service('web', {
      clusterIPs: ['10.13.0.10'],
      port: 80,
      nodePort: 30_080,
      endpoints: ['10.12.0.6'],
      endpointPort: tcpPort,
      spec: { type: 'NodePort' },
    });
    const list = { apiVersion: 'v1', kind: 'List', items: [node, ...web] };
    rewrite(join(folder, 'objects.json'), JSON.stringify(list));
  });
  afterAll(async () => {
    agent?.child.kill('SIGKILL');
    await network.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What `/metrics` says, asked on the node. */
  async function metric(name: string): Promise<string | undefined> {
    const ask = "fetch('http://127.0.0.1:10249/metrics').then((it) => it.text()).then((text) => console.log(text))";
    const { stdout } = await network.run('member2-node')(process.execPath, ['-e', ask]);
    return new RegExp(`^${name} (.*)$`, 'm').exec(stdout)?.[1];
  }

  it('shows connections to a node port of 127.0.0.1 in its metrics', async () => {
    const flags = ['--cluster-cidr=10.12.0.0/16', '--hostname-override=member2-node', '--conntrack-max-per-core=0'];
    agent = startOnNode(network, ['agent', '--source', folder, '--iptables-counters', ...flags]);
    const localhost = 'kubeproxy_iptables_localhost_nodeports_accepted_packets_total';
    await eventually(async () =>
      expect(await metric('slicewright_transactions_total\\{ip_family="IPv4"\\}')).toBeDefined(),
    );
    expect(await metric(localhost)).toBe('0');
    for (let i = 0; i < 4; i++) {
      const answer = await askOnce(network, { from: 'node', to: '127.0.0.1', port: 30_080 });
      expect(answer.kind === 'answered' && answer.by).toBe('10.12.0.6:8080');
    }
    expect(await metric(localhost)).toBe('4');
    expect(await metric('kubeproxy_iptables_ct_state_invalid_dropped_packets_total')).toBe('0');
    agent.child.kill('SIGTERM');
    expect(await agent.exited).toBe(0);
  });
});
