import { expect, it } from 'vitest';
import { emptySync } from '../../backends/plane/plane.ts';
import { modeOf } from '../../test/helpers/scope.ts';
import { createMetrics } from './metrics.ts';
import { metricsListener } from './meter.ts';

const failed = { kind: 'sync-failed', family: 'IPv4', depth: 'full', error: new Error('no'), retryInMs: 1 } as const;
const refused = {
  kind: 'synced',
  family: 'IPv4',
  sync: { ...emptySync('full'), deltaRefused: true },
  services: [],
  durationMs: 1,
  latenciesMs: [],
  latenciesByCluster: new Map<string, number[]>(),
  networkLatenciesMs: [],
} as const;

async function failuresIn(mode: string): Promise<string[]> {
  const metrics = createMetrics(modeOf(mode).live);
  const listen = metricsListener(metrics, { nowMs: () => 0 });
  listen(failed);
  listen(refused);
  return (await metrics.registry.metrics()).split('\n').filter((line) => /^\w+_failures_total\{/.test(line));
}

it('syncs that failed are counted where kube-proxy counts those of the mode', async () => {
  expect(await failuresIn('nftables')).toEqual([
    'kubeproxy_sync_proxy_rules_nftables_sync_failures_total{ip_family="IPv4"} 2',
    'kubeproxy_sync_proxy_rules_nftables_sync_failures_total{ip_family="IPv6"} 0',
    'kubeproxy_sync_proxy_rules_nftables_cleanup_failures_total{ip_family="IPv4"} 0',
    'kubeproxy_sync_proxy_rules_nftables_cleanup_failures_total{ip_family="IPv6"} 0',
  ]);
  expect(await failuresIn('iptables')).toEqual([
    'kubeproxy_sync_proxy_rules_iptables_restore_failures_total{ip_family="IPv4"} 2',
    'kubeproxy_sync_proxy_rules_iptables_partial_restore_failures_total{ip_family="IPv4"} 1',
  ]);
});
