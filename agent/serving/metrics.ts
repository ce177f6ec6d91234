import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/**
 * The metrics of the agent: kube-proxy's names with the meaning they have there (labels as of
 * v1.33), so that its dashboards go on working, and `slicewright_` ones for what it does not know.
 *
 * source: spec/iptables.md 25, multicluster.md OB-1
 */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter({ name, help, labelNames: [...labelNames], registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge({ name, help, labelNames: [...labelNames], registers });
  const histogram = <L extends string>(name: string, help: string, buckets: number[], labelNames: readonly L[] = []) =>
    new Histogram({ name, help, buckets, labelNames: [...labelNames], registers });
  const family = ['ip_family'] as const;
  const tables = ['ip_family', 'table'] as const;
  const cluster = ['source_cluster'] as const;

  return {
    registry,
    syncDuration: histogram(
      'kubeproxy_sync_proxy_rules_duration_seconds',
      'SyncProxyRules latency in seconds',
      exponential,
      family,
    ),
    fullSyncDuration: histogram(
      'kubeproxy_sync_full_proxy_rules_duration_seconds',
      'SyncProxyRules latency in seconds for full resyncs',
      exponential,
      family,
    ),
    partialSyncDuration: histogram(
      'kubeproxy_sync_partial_proxy_rules_duration_seconds',
      'SyncProxyRules latency in seconds for partial resyncs',
      exponential,
      family,
    ),
    lastSync: gauge(
      'kubeproxy_sync_proxy_rules_last_timestamp_seconds',
      'The last time proxy rules were successfully synced',
      family,
    ),
    lastQueued: gauge(
      'kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds',
      'The last time a sync of proxy rules was queued',
      family,
    ),
    networkProgramming: histogram(
      'kubeproxy_network_programming_duration_seconds',
      'In Cluster Network Programming Latency in seconds',
      programming,
      family,
    ),
    serviceChanges: counter(
      'kubeproxy_sync_proxy_rules_service_changes_total',
      'Cumulative proxy rules Service changes',
    ),
    servicePending: gauge('kubeproxy_sync_proxy_rules_service_changes_pending', 'Pending proxy rules Service changes'),
    endpointChanges: counter(
      'kubeproxy_sync_proxy_rules_endpoint_changes_total',
      'Cumulative proxy rules Endpoint changes',
    ),
    endpointPending: gauge(
      'kubeproxy_sync_proxy_rules_endpoint_changes_pending',
      'Pending proxy rules Endpoint changes',
    ),
    iptablesTotal: gauge(
      'kubeproxy_sync_proxy_rules_iptables_total',
      'Total number of iptables rules owned by kube-proxy',
      tables,
    ),
    iptablesLast: gauge(
      'kubeproxy_sync_proxy_rules_iptables_last',
      'Number of iptables rules written by kube-proxy in last sync',
      tables,
    ),
    restoreFailures: counter(
      'kubeproxy_sync_proxy_rules_iptables_restore_failures_total',
      'Cumulative proxy iptables restore failures',
      family,
    ),
    partialRestoreFailures: counter(
      'kubeproxy_sync_proxy_rules_iptables_partial_restore_failures_total',
      'Cumulative proxy iptables partial restore failures',
      family,
    ),
    noLocalEndpoints: gauge(
      'kubeproxy_sync_proxy_rules_no_local_endpoints_total',
      'Number of services with a Local traffic policy and no endpoints',
      ['ip_family', 'traffic_policy'],
    ),
    healthz: counter('kubeproxy_proxy_healthz_total', 'Cumulative proxy healthz HTTP status', ['code']),
    livez: counter('kubeproxy_proxy_livez_total', 'Cumulative proxy livez HTTP status', ['code']),

    endpoints: gauge('slicewright_endpoints', 'Endpoints by source cluster and what is made of them', [
      'source_cluster',
      'state',
    ]),
    sourceSynced: gauge('slicewright_source_synced', '1 once every kind of a source was read completely', cluster),
    sourceFailing: gauge('slicewright_source_failing', 'Kinds of a source that cannot be read now', cluster),
    sourceSilence: gauge('slicewright_source_silence_seconds', 'Time since something last came from a source', cluster),
    leaseAge: gauge('slicewright_lease_age_seconds', "Time since a cluster's lease was last seen to change", cluster),
    programmingLatency: histogram(
      'slicewright_programming_latency_seconds',
      'From an event reaching the agent to its rules in force',
      exponential,
      family,
    ),
    drift: counter('slicewright_drift_total', 'Chains of ours that someone else changed', family),
    quarantined: gauge('slicewright_quarantined_service_ports', 'Service ports whose rules the kernel refuses', family),
    transactions: counter('slicewright_transactions_total', 'Transactions given to the kernel', family),
    diagnostics: gauge('slicewright_diagnostics', 'What there is to say of objects', ['severity']),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

/** 1 ms to 16 s, doubling. */
const exponential = Array.from({ length: 15 }, (_, k) => 0.001 * 2 ** k);

/** kube-proxy's: fine below a minute, coarse up to five. */
const programming = [
  0.25,
  0.5,
  ...Array.from({ length: 59 }, (_, i) => i + 1),
  ...Array.from({ length: 12 }, (_, i) => 60 + 5 * i),
  ...Array.from({ length: 7 }, (_, i) => 120 + 30 * i),
];
