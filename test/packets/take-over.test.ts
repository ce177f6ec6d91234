import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Network } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { openLiveRules } from './live.ts';
import { service } from './objects.ts';
import { startObservers } from './observers.ts';
import { programOf } from './program.ts';
import { bootWorld, tcpPort, type Dial } from './world.ts';

const { lacks } = await probeSupport();

/** What a real kube-proxy left in a kernel: 10.13.181.116:80 → 10.10.0.6:8080 and 10.12.0.6:8080. */
const kubeProxyRules = new URL('../conformance/cases/001-mcs-serve/expected.iptables-save', import.meta.url);
const dials: readonly Dial[] = (['client', 'node'] as const).map((from) => ({ from, to: '10.13.181.116', port: 80 }));

function serve(endpoints: readonly string[]) {
  return programOf(service('serve', { clusterIPs: ['10.13.181.116'], port: 80, endpoints, endpointPort: tcpPort }));
}

for (const mode of ['nft', 'legacy'] as const) {
  describeIn('network namespace', lacks.namespaces ?? lacks[mode], `taking over from kube-proxy, ${mode}`, () => {
    let network: Network;
    beforeEach(async () => {
      network = await bootWorld();
      const rules = readFileSync(kubeProxyRules, 'utf8');
      const { stderr, exitCode } = await network.run('member2-node')(`iptables-${mode}-restore`, ['--noflush'], rules);
      expect(exitCode, stderr).toBe(0);
    });
    afterEach(() => network?.close());

    test('is refused unless it is asked for, and then no connection fails', async () => {
      const rules = await openLiveRules(network, mode, 'IPv4');
      const [both, one] = [serve(['10.10.0.6', '10.12.0.6']), serve(['10.12.0.6'])];
      await expect(rules.apply(both)).rejects.toMatchObject({ reason: 'another-writer' });

      const observers = await startObservers(network, dials);
      const beganMs = Date.now();
      await rules.apply(both, { takeOver: true });
      // From here on they are ours, and change as ours do.
      for (let i = 0; i < 10; i++) await rules.apply(i % 2 === 0 ? one : both);
      const { connections, unexplained } = await observers.stop([{ program: both, beganMs, settledMs: beganMs }]);

      console.log(`${mode}: ${connections} connections while rules changed hands, ${unexplained.length} failed`);
      expect(unexplained).toEqual([]);
      expect(connections).toBeGreaterThan(50);
    });
  });
}
