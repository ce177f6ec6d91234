import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import type { Run } from '../../backends/command.ts';
import { createFakeKernel } from '../../backends/netfilter/fake/kernel.ts';
import { kubePrefix, ownPrefix } from '../../compiler/settings.ts';
import { modeOf } from '../../test/helpers/scope.ts';
import { showPacketCounters } from './packet-counters.ts';

const { live } = modeOf('iptables');
const counting = { packetCounters: true, chainPrefix: kubePrefix };
const invalid = 'kubeproxy_iptables_ct_state_invalid_dropped_packets_total';
const loopback = 'kubeproxy_iptables_localhost_nodeports_accepted_packets_total';

async function valuesIn(registry: Registry): Promise<Record<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(lines.map((line) => line.split(' ')).map(([name, value]) => [name, Number(value)]));
}

it("kube-proxy's two counters are what the kernel has counted up to now", async () => {
  const kernel = createFakeKernel();
  const registry = new Registry();
  showPacketCounters(registry, live, kernel.run, counting);
  kernel.accounts.set('ct_state_invalid_dropped_pkts', 3).set('localhost_nps_accepted_pkts', 1);
  expect(await valuesIn(registry)).toEqual({ [invalid]: 3, [loopback]: 1 });
  kernel.accounts.set('ct_state_invalid_dropped_pkts', 5);
  expect(await valuesIn(registry)).toEqual({ [invalid]: 5, [loopback]: 1 });
  // Both are read by one command each time.
  expect(kernel.commands).toHaveLength(2);
});

it('beside a kube-proxy they are read from objects of their own', async () => {
  const kernel = createFakeKernel();
  const registry = new Registry();
  showPacketCounters(registry, live, kernel.run, { ...counting, chainPrefix: ownPrefix });
  kernel.accounts.set('ct_state_invalid_dropped_pkts', 3).set('SLWR-ct_state_invalid_dropped', 8);
  expect(await valuesIn(registry)).toEqual({ [invalid]: 8, [loopback]: 0 });
});

it('a kernel that cannot be read leaves them as they were', async () => {
  const kernel = createFakeKernel();
  let isReadable = true;
  const run: Run = async (file, args) =>
    isReadable ? kernel.run(file, args) : { exitCode: 1, stdout: '', stderr: 'nfacct v1.0.2: error: no\n' };
  const registry = new Registry();
  showPacketCounters(registry, live, run, counting);
  kernel.accounts.set('ct_state_invalid_dropped_pkts', 3);
  await valuesIn(registry);
  isReadable = false;
  expect(await valuesIn(registry)).toEqual({ [invalid]: 3, [loopback]: 0 });
});

it('are there in no mode that does not count, nor without the setting', async () => {
  const registry = new Registry();
  const { run } = createFakeKernel();
  showPacketCounters(registry, live, run, { ...counting, packetCounters: false });
  for (const mode of ['ipvs', 'nftables']) showPacketCounters(registry, modeOf(mode).live, run, counting);
  expect(await valuesIn(registry)).toEqual({});
});
