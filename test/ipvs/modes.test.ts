import { afterAll, beforeAll, expect, test } from 'vitest';
import { applyCommand } from '../../agent/commands/apply.ts';
import { cleanupCommand } from '../../agent/commands/cleanup.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import { twoClusters } from '../netns/clusters.ts';
import type { Run } from '../../backends/command.ts';
import type { Network } from '../netns/network.ts';
import { describeIn } from '../place.ts';
import { bootIpvsNetwork, ipvsAvailability } from '../vm/network.ts';
import { untilAlone } from '../vm/users.ts';
import { remains } from './kernel.ts';
import { lockDir } from '../helpers/lock-dir.ts';

const { place, missing } = await ipvsAvailability();

/** Service default/serve of the demo, with a pod in each cluster. */
const input = {
  filename: ['tools/demo/member2.yaml'],
  node: 'tools/demo/node.yaml',
  config: 'tools/demo/kube-proxy.yaml',
  lockDir,
  diagnostics: 'human',
} as const;
const target = { address: '10.13.181.116', port: 80 } as const;
const vantages = ['client', 'member2-node'] as const;

type Backend = 'iptables' | 'ipvs' | 'nftables';

async function apply(network: Network, backend: Backend, run: Run = network.run('member2-node')): Promise<string> {
  const io = memoryIo();
  const host = { name: 'member2-node', addresses: [] };
  const status = await applyCommand({ ...input, backend }, io, run, host);
  expect(
    [status, io.written.err.replace(/^(info|warning: sysctl net\.ipv4\.conf\.all\.route_localnet): .*\n/gm, '')],
    io.written.out,
  ).toEqual([0, '']);
  return io.written.out;
}

/** What decides about the Service's packets, by the tools themselves. */
async function modesIn(network: Network) {
  const run = network.run('member2-node');
  const all = await remains(run);
  return {
    nftables: / slicewright$/m.test((await run('nft', ['list', 'tables'])).stdout),
    iptables: all.some((line) => / -j DNAT /.test(line)),
    ipvs: all.some((line) => /^-A -t |^create |kube-ipvs0|KUBE-IPVS-FILTER|SLICEWRIGHT-FRONTENDS/.test(line)),
  };
}

describeIn(place, missing, 'changing the mode of a node that serves', () => {
  let network: Network;
  beforeAll(async () => {
    // Alone on the machine: what is measured is each connection of clients, and beside four other files on one emulated
    // processor a client can starve.
    await untilAlone();
    network = await bootIpvsNetwork(twoClusters);
    for (const [host, address, name] of [
      ['remote', '10.10.0.6', 'member1'],
      ['pod', '10.12.0.6', 'member2'],
    ] as const) {
      await (await network.station(host)).serve({ transport: 'tcp', address, port: 8080, name });
    }
    await apply(network, 'iptables');
  }, 1_500_000);
  afterAll(() => network?.close());

  test.each<readonly [Backend, Backend]>([
    ['iptables', 'ipvs'],
    ['ipvs', 'iptables'],
    ['nftables', 'ipvs'],
    ['ipvs', 'nftables'],
  ])(
    'from %s to %s no connection is refused, and nothing of the former is left',
    async (before, after) => {
      // Also at a second try, which finds the node where the first one left it.
      const run = network.run('member2-node');
      await untilOnly(network, before);
      for (const vantage of vantages) {
        const station = await network.station(vantage);
        // With resets, or the former mode would stay for two minutes: so long IPVS remembers what was closed.
        await station.startLoad({ targets: [target], workers: 2, timeoutMs: 60_000, resets: true });
      }
      const said = await apply(network, after, before === 'ipvs' ? slowly(run) : run);
      // What the clients began through the former mode ends with them; the next apply then removes the rest.
      const reports = [];
      for (const vantage of vantages) reports.push(await (await network.station(vantage)).stopLoad());
      await untilOnly(network, after);

      expect(reports.flatMap(({ failures }) => failures)).toEqual([]);
      for (const { answers } of reports) {
        expect(Object.keys(answers).sort()).toEqual(['10.13.181.116:80 member1', '10.13.181.116:80 member2']);
      }
      expect(said, `${before} to ${after}`).toMatch(/other rules, the same endpoints and shares/);
      const modes = { iptables: after === 'iptables', ipvs: after === 'ipvs', nftables: after === 'nftables' };
      expect(await modesIn(network)).toEqual(modes);
    },
    1_500_000,
  );

  test('cleanup leaves nothing of any mode', async () => {
    await apply(network, 'ipvs');
    const io = memoryIo();
    expect(
      await cleanupCommand({ lockDir, diagnostics: 'human' }, io, network.run('member2-node')),
      io.written.err,
    ).toBe(0);
    expect(await remains(network.run('member2-node'))).toEqual([]);
  }, 1_500_000);
});

/**
 * As on a node where commands take long: once the new rules are in force, connections through virtual servers have ended
 * before the first look at them. So the addresses are unbound at once, while clients dial under the new rules.
 */
function slowly(run: Run): Run {
  let isInForce = false;
  return async (file, args, input) => {
    if (isInForce && file === 'ipvsadm' && args.join(' ') === '--list -n') await untilForgotten(run);
    const result = await run(file, args, input);
    // Its own restore, not the look whether there is such a tool.
    const isWrite = file.endsWith('-restore') ? input !== undefined : file === 'nft' && args[0] === '-f';
    if (isWrite) isInForce = true;
    return result;
  };
}

/** Connections that were reset are remembered for ten seconds. */
async function untilForgotten(run: Run): Promise<void> {
  const deadlineMs = Date.now() + 300_000;
  while (/^TCP /m.test((await run('ipvsadm', ['--list', '-n', '-c'])).stdout)) {
    if (Date.now() > deadlineMs) throw new Error('IPVS does not forget its connections');
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** A connection that was reset is remembered for ten seconds, one that is closed for two minutes. */
async function untilOnly(network: Network, backend: Backend): Promise<void> {
  const deadlineMs = Date.now() + 600_000;
  while (!/nothing to do\n(?! {2}then)/.test(await apply(network, backend))) {
    if (Date.now() > deadlineMs) throw new Error('the former mode does not end');
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
