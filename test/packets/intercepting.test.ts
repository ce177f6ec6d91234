import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { applyCommand } from '../../agent/commands/apply.ts';
import { explainPacketCommand } from '../../agent/commands/explain-packet.ts';
import { verifyFoundCommand } from '../../agent/commands/verify-found.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import { address } from '../helpers/ir.ts';
import { lockDir } from '../helpers/lock-dir.ts';
import type { Network } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { node, service } from './objects.ts';
import { bootWorld, featureOf, type Mode, modes, outcomesLike, tcpPort } from './world.ts';

/*
 * Rules of other programs that take packets before slicewright's rules see them: what real packets then meet, and that `verify
 * --live` and `explain --live` name the very rule. The rules of slicewright are right all the while, so neither finds a difference.
 */

const { lacks } = await probeSupport();

const at = '10.13.181.116';
/** No endpoint of the Service. */
const thief = `10.12.0.9:${tcpPort}`;

interface Theirs {
  readonly put: readonly string[];
  readonly take: readonly string[];
  /** As the tools list it, where it stands. */
  readonly told: string;
}

function theirsIn(mode: Mode): Theirs {
  if (mode === 'nftables') {
    const chain = '{ type nat hook prerouting priority dstnat - 10; policy accept; }';
    return {
      put: [
        'add table ip theirs',
        `add chain ip theirs first ${chain}`,
        `add rule ip theirs first ip daddr ${at} tcp dport 80 dnat to ${thief}`,
      ],
      take: ['delete table ip theirs'],
      told: `table ip theirs, chain first: ip daddr ${at} tcp dport 80 dnat to ${thief}`,
    };
  }
  const rule = `PREROUTING -d ${at}/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination ${thief}`;
  return {
    put: [`-t nat -I ${rule}`],
    take: [`-t nat -D ${rule}`],
    told: `nat PREROUTING: -A ${rule}`,
  };
}

for (const mode of modes) {
  const lack = lacks.namespaces ?? lacks[featureOf(mode)] ?? lacks.conntrack;
  describeIn('network namespace', lack, `another program's rule comes first, ${mode}`, () => {
    let network: Network;
    const folder = mkdtempSync(join(tmpdir(), 'slicewright-intercepting-'));
    const [objects, config] = [join(folder, 'objects.json'), join(folder, 'config.yaml')];
    const host = { name: 'member2-node', addresses: ['172.18.0.12', '10.12.0.1'].map(address) };
    const options = {
      ...{ filename: [objects], config, diagnostics: 'human' as const },
      backend: mode === 'nftables' ? 'nftables' : 'iptables',
    };

    beforeAll(async () => {
      network = await bootWorld();
      const items = [
        node,
        ...service('serve', {
          clusterIPs: [at],
          port: 80,
          endpoints: ['10.12.0.6', '10.12.0.7'],
          endpointPort: tcpPort,
        }),
      ];
      writeFileSync(objects, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
      writeFileSync(
        config,
        'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nclusterCIDR: 10.12.0.0/16\n',
      );
      // Of an untouched node the machine's own choice decides which tables of iptables are used; where rules are, they do.
      if (mode !== 'nftables') await tool('-A INPUT -m comment --comment theirs -j ACCEPT');
      const io = memoryIo();
      const run = network.run('member2-node');
      expect(await applyCommand({ ...options, lockDir }, io, run, host), io.written.err).toBe(0);
    });
    afterAll(async () => {
      rmSync(folder, { recursive: true, force: true });
      await network?.close();
    });

    async function tool(words: string): Promise<void> {
      const run = network.run('member2-node');
      const [program, ...rest] = mode === 'nftables' ? ['nft', words] : [`iptables-${mode}`, ...words.split(' ')];
      const { exitCode, stderr } = await run(program ?? '', rest);
      expect(exitCode, stderr).toBe(0);
    }

    async function verify() {
      const io = memoryIo();
      const given = { ...options, against: [], output: 'text' as const };
      const status = await verifyFoundCommand(given, io, network.run('member2-node'), host);
      return { status, out: io.written.out };
    }

    async function explain() {
      const io = memoryIo();
      const given = { ...options, live: true, address: '', output: 'text' as const };
      const words = ['10.12.0.5', `${at}:80`];
      const status = await explainPacketCommand(words, given, io, network.run('member2-node'), host);
      return { status, out: io.written.out };
    }

    const dialled = (wanted: readonly string[]) => outcomesLike(network, { from: 'client', to: at, port: 80 }, wanted);
    const usual = [`10.12.0.6:${tcpPort}`, `10.12.0.7:${tcpPort}`];

    test('it gets the packets, and is named; when it goes, the Service gets them and nothing is named', async () => {
      const { put, take, told } = theirsIn(mode);
      expect(await dialled(usual)).toEqual(usual);
      expect((await verify()).out).not.toContain('may intercept');

      for (const words of put) await tool(words);
      expect(await dialled([thief])).toEqual([thief]);
      const line = `another program's rule may intercept: ${told}\n`;
      expect(await verify()).toEqual({ status: 0, out: expect.stringContaining(line) });
      expect(await explain()).toEqual({ status: 0, out: expect.stringContaining(told) });

      for (const words of take) await tool(words);
      expect(await dialled(usual)).toEqual(usual);
      expect((await verify()).out).not.toContain('may intercept');
    });
  });
}
