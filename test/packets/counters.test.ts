import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { possibleSettings } from '../../agent/planning/possible.ts';
import { showPacketCounters } from '../../agent/serving/packet-counters.ts';
import type { Run } from '../../backends/command.ts';
import { applyTarget } from '../../backends/iptables/live/apply.ts';
import { observe } from '../../backends/netfilter/live/observation.ts';
import { families } from '../../compiler/values/address.ts';
import { modeOf, ownChains } from '../helpers/scope.ts';
import type { LocalNetwork } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { service } from './objects.ts';
import { memberSettings, programOf } from './program.ts';
import { askOnce, bootWorld, tcpPort } from './world.ts';

/* kube-proxy's two counters before real packets: what is dropped as invalid, and who comes to a node port of 127.0.0.1. */

const { lacks } = await probeSupport();
const { live } = modeOf('iptables');

const objects = service('web', {
  clusterIPs: ['10.13.0.10', 'fd00:13::10'],
  port: 80,
  nodePort: 30_080,
  endpoints: ['10.12.0.6', 'fd00:12::6'],
  endpointPort: tcpPort,
  spec: { type: 'NodePort' },
});

/** A segment of TCP with no flag at all, which conntrack calls invalid, to an endpoint behind the node. */
const invalidSegment = `use Socket; socket(S, AF_INET, SOCK_RAW, 6) or die "raw socket: $!";
send(S, pack('nnNNCCnnn', 40000, ${tcpPort}, 1, 0, 80, 0, 1024, 0, 0), 0, pack_sockaddr_in(0, inet_aton('10.10.0.6'))) or die "send: $!";`;

for (const mode of ['nft', 'legacy'] as const) {
  const missing = lacks.namespaces ?? lacks[mode] ?? lacks.nfacct;
  describeIn('network namespace', missing, `packets that are counted, ${mode}`, () => {
    let network: LocalNetwork;
    let run: Run;
    const registry = new Registry();
    const counting = { ...memberSettings, packetCounters: true };

    beforeAll(async () => {
      network = await bootWorld();
      run = network.run('member2-node');
      showPacketCounters(registry, live, run, counting);
    });
    afterAll(() => network.close());

    async function apply(packetCounters: boolean): Promise<void> {
      const { rulesets, compilation } = programOf(objects, { packetCounters });
      for (const family of families) {
        const wanted = { program: rulesets[family], services: compilation.services[family] };
        await applyTarget(run, await observe(run, family, ownChains, mode), wanted, ownChains);
      }
    }

    async function objectsThere(): Promise<string[]> {
      const { stdout } = await run('nfacct', ['list']);
      return [...stdout.matchAll(/ = (\S+);/g)].map(([, name = '']) => name).sort();
    }

    async function counted(): Promise<number[]> {
      const lines = (await registry.metrics()).split('\n').filter((line) => line.startsWith('kubeproxy_'));
      return lines.map((line) => Number(line.split(' ')[1]));
    }

    async function succeed(host: string, file: string, args: readonly string[]): Promise<void> {
      const { exitCode, stderr } = await network.run(host)(file, args);
      if (exitCode !== 0) throw new Error(stderr);
    }

    test('what is sent is counted, and a change of rules keeps the count', async () => {
      // Asking leaves nothing behind.
      expect(await possibleSettings(live, run, counting)).toEqual({ settings: counting, problems: [] });
      expect(await objectsThere()).toEqual([]);

      await apply(true);
      expect(await objectsThere()).toEqual(['ct_state_invalid_dropped_pkts', 'localhost_nps_accepted_pkts']);
      expect(await counted()).toEqual([0, 0]);
      for (let i = 0; i < 3; i++) await succeed('client', 'perl', ['-e', invalidSegment]);
      for (let i = 0; i < 2; i++) {
        const answer = await askOnce(network, { from: 'node', to: '127.0.0.1', port: 30_080 });
        expect(answer.kind === 'answered' && answer.by).toBe('10.12.0.6:8080');
      }
      // Counts nowhere: another address of the node, and a packet that conntrack knows.
      await askOnce(network, { from: 'outside', to: '172.18.0.12', port: 30_080 });
      expect(await counted()).toEqual([3, 2]);

      await apply(true);
      expect(await counted()).toEqual([3, 2]);
    });

    test('rules that do not count any more leave no object', async () => {
      await apply(true);
      await apply(false);
      expect(await objectsThere()).toEqual([]);
      expect((await askOnce(network, { from: 'node', to: '127.0.0.1', port: 30_080 })).kind).toBe('answered');
    });
  });
}
