import { afterEach, beforeEach, expect, test } from 'vitest';
import { applyCommand } from '../../agent/commands/apply.ts';
import { cleanupCommand } from '../../agent/commands/cleanup.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import type { Run } from '../../backends/command.ts';
import { expectedFile } from '../conformance/cases.ts';
import { comparable } from '../conformance/compare.ts';
import { lockDir } from '../helpers/lock-dir.ts';
import { twoClusters } from '../netns/clusters.ts';
import { bootNetwork, type Network } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { syncIptables } from './kube-proxy.ts';

const { lacks } = await probeSupport();
const target = { address: '10.13.181.116', port: 80 } as const;

/** What a real kube-proxy left for Service default/serve of the demo. */
function kubeProxyRules(file: string): string {
  const text = expectedFile('001-mcs-serve', file);
  if (text === undefined) throw new Error(`case 001-mcs-serve has no ${file}`);
  return text;
}

async function apply(run: Run, backend: string, takeOver = false): Promise<void> {
  const io = memoryIo();
  const files = { filename: ['tools/demo/member2.yaml'], node: 'tools/demo/node.yaml' };
  const options = { ...files, config: 'tools/demo/kube-proxy.yaml', backend, takeOver, lockDir } as const;
  const host = { name: 'member2-node', addresses: [] };
  expect(await applyCommand({ ...options, diagnostics: 'human' }, io, run, host), io.written.err).toBe(0);
}

async function handOver(run: Run) {
  const io = memoryIo();
  const status = await cleanupCommand({ lockDir, handOver: true, diagnostics: 'human' }, io, run);
  return { status, ...io.written };
}

async function bootServing(): Promise<Network> {
  const network = await bootNetwork(twoClusters);
  for (const [host, address, name] of [
    ['remote', '10.10.0.6', 'member1'],
    ['pod', '10.12.0.6', 'member2'],
  ] as const) {
    await (await network.station(host)).serve({ transport: 'tcp', address, port: 8080, name });
  }
  return network;
}

/** Connections from a pod and from the node while something happens. */
async function underLoad(network: Network, what: () => Promise<void>): Promise<number> {
  const stations = await Promise.all(['client', 'member2-node'].map((host) => network.station(host)));
  for (const station of stations) await station.startLoad({ targets: [target], workers: 2, timeoutMs: 20_000 });
  await what();
  const reports = [];
  for (const station of stations) reports.push(await station.stopLoad());
  expect(reports.flatMap(({ failures }) => failures)).toEqual([]);
  return reports.flatMap(({ answers }) => Object.values(answers)).reduce((sum, count) => sum + count, 0);
}

for (const mode of ['nft', 'legacy'] as const) {
  describeIn(
    'network namespace',
    lacks.namespaces ?? lacks[mode],
    `a hand-over in iptables mode, ${mode} tables`,
    () => {
      let network: Network;
      beforeEach(async () => {
        network = await bootServing();
        // slicewright stays in the tables in which it finds rules of Services.
        const text = '*nat\n:KUBE-MARK-MASQ - [0:0]\nCOMMIT\n';
        const { stderr, exitCode } = await network.run('member2-node')(`iptables-${mode}-restore`, ['-n'], text);
        expect(exitCode, stderr).toBe(0);
      });
      afterEach(() => network?.close());

      test('fails no connection, also when kube-proxy and slicewright take over from each other', async () => {
        const run = network.run('member2-node');
        const tools = { save: `iptables-${mode}-save`, restore: `iptables-${mode}-restore` };
        const rules = kubeProxyRules('expected.iptables-save');
        const saved = async () => (await run(tools.save, [])).stdout;
        await apply(run, 'iptables', true);
        const connections = await underLoad(network, async () => {
          for (let i = 0; i < 5; i++) {
            expect(await handOver(run)).toMatchObject({ status: 0, err: '' });
            expect(await saved()).not.toContain('SLICEWRIGHT');
            expect(await syncIptables(run, { family: 'IPv4', rules }, tools)).toEqual([]);
            expect(comparable(await saved())).toEqual(comparable(rules));
            await apply(run, 'iptables', true);
          }
          await handOver(run);
          await syncIptables(run, { family: 'IPv4', rules }, tools);
        });
        expect(comparable(await saved())).toEqual(comparable(rules));
        expect(connections).toBeGreaterThan(50);
      });
    },
  );
}

describeIn('network namespace', lacks.namespaces ?? lacks.nft, 'a hand-over in nftables mode', () => {
  let network: Network;
  beforeEach(async () => {
    network = await bootServing();
  });
  afterEach(() => network?.close());

  test("leaves slicewright's table until kube-proxy's serves the same, and then removes it; no connection fails", async () => {
    const run = network.run('member2-node');
    const tables = async () => (await run('nft', ['list', 'tables'])).stdout;
    const load = async (text: string) => expect(await run('nft', ['-f', '-'], text)).toMatchObject({ exitCode: 0 });
    const theirs = kubeProxyRules('expected.nft');
    await apply(run, 'nftables');
    await underLoad(network, async () => {
      const early = await handOver(run);
      expect([early.status, early.err]).toEqual([1, expect.stringContaining('start kube-proxy in nftables mode')]);
      // A kube-proxy that was told of no Service yet.
      await load(theirs.replace(/^.*10\.13\.181\.116.*\n/gm, ''));
      const unserved = await handOver(run);
      expect([unserved.status, unserved.err]).toEqual([
        1,
        expect.stringContaining("kube-proxy's table does not serve default/serve at 10.13.181.116:80/TCP"),
      ]);
      expect(await tables()).toContain('table ip slicewright\n');
      await load(`delete table ip kube-proxy\n${theirs}`);
      const last = await handOver(run);
      expect([last.status, last.err, last.out]).toEqual([0, '', expect.stringContaining('table ip slicewright with')]);
    });
    expect(await tables()).toBe('table ip kube-proxy\n');
    expect((await handOver(run)).out).toContain('IPv4: no slicewright rules found');
  });
});
