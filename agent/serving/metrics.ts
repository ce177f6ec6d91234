import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { LiveBackend } from '../../backends/backend.ts';
import { families } from '../../compiler/values/address.ts';
import manifest from '../../package.json' with { type: 'json' };

/**
 * The metrics of the agent: kube-proxy's names with the same meaning (labels as of v1.33), so that
 * its dashboards keep working, and `slicewright_` names for everything that kube-proxy does not have.
 * docs/metrics.md lists them.
 *
 * source: IPT-25, OB-1; client-go for `rest_client_`
 */
/** mode   the backend's description of its own counters */
export function createMetrics(mode: Pick<LiveBackend, 'failureCounters'> = {}) {
  const registry = new Registry();
  const slis = new Registry();
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter({ name, help, labelNames: [...labelNames], registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge({ name, help, labelNames: [...labelNames], registers });
  const histogram = <L extends string>(name: string, help: string, buckets: number[], labelNames: readonly L[] = []) =>
    new Histogram({ name, help, buckets, labelNames: [...labelNames], registers });
  const family = ['ip_family'] as const;
  const failureCounters = ({ syncs, removals }: NonNullable<LiveBackend['failureCounters']>) => {
    const made = {
      syncFailures: counter(syncs.name, syncs.help, family),
      removalFailures: counter(removals.name, removals.help, family),
    };
    // Zero failures have to be visible too, so each series starts at 0.
    for (const one of Object.values(made)) for (const ip_family of families) one.inc({ ip_family }, 0);
    return made;
  };
  const tables = ['ip_family', 'table'] as const;
  const cluster = ['source_cluster'] as const;
  // The metrics of every Go program: process_cpu_seconds_total, process_resident_memory_bytes, process_start_time_seconds.
  collectDefaultMetrics({ register: registry });
  const buildInfo = gauge('slicewright_build_info', 'Always 1; the version is in the labels', [
    'version',
    'node_version',
  ]);
  buildInfo.set({ version: manifest.version, node_version: process.version }, 1);

  return {
    registry,
    /** The metrics on `/metrics/slis`: the results of probes, for service level indicators. */
    slis,
    healthcheck: new Gauge({
      name: 'kubernetes_healthcheck',
      help: 'This metric records the result of a single healthcheck.',
      labelNames: ['name', 'type'],
      registers: [slis],
    }),
    healthchecks: new Counter({
      name: 'kubernetes_healthchecks_total',
      help: 'This metric records the results of all healthcheck.',
      labelNames: ['name', 'type', 'status'],
      registers: [slis],
    }),
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
    /** Counters of this mode alone, which replace the two above. */
    ofMode: mode.failureCounters && failureCounters(mode.failureCounters),
    noLocalEndpoints: gauge(
      'kubeproxy_sync_proxy_rules_no_local_endpoints_total',
      'Number of services with a Local traffic policy and no endpoints',
      ['ip_family', 'traffic_policy'],
    ),
    conntrackDuration: histogram(
      'kubeproxy_conntrack_reconciler_sync_duration_seconds',
      'ReconcileConntrackFlowsLatency in seconds',
      exponential,
      family,
    ),
    conntrackDeleted: counter(
      'kubeproxy_conntrack_reconciler_deleted_entries_total',
      'Cumulative conntrack flows deleted by conntrack reconciler',
      family,
    ),
    healthz: counter('kubeproxy_proxy_healthz_total', 'Cumulative proxy healthz HTTP status', ['code']),
    livez: counter('kubeproxy_proxy_livez_total', 'Cumulative proxy livez HTTP status', ['code']),
    requests: counter(
      'rest_client_requests_total',
      'Number of HTTP requests, partitioned by status code, method, and host',
      ['code', 'method', 'host'],
    ),
    requestDuration: histogram(
      'rest_client_request_duration_seconds',
      'Request latency in seconds until the head of the answer, by verb and host',
      request,
      ['verb', 'host'],
    ),

    endpoints: gauge('slicewright_endpoints', 'Endpoints by source cluster and by use', ['source_cluster', 'state']),
    slices: gauge('slicewright_slices', 'EndpointSlices with endpoints of a Service, by source cluster', cluster),
    heldSlices: gauge(
      'slicewright_held_slices',
      'Slices in use although they were deleted, because too many were deleted at once',
      cluster,
    ),
    heldServices: gauge(
      'slicewright_held_services',
      'Services that stay in force because the first program would remove too many at once',
    ),
    clusterState: gauge('slicewright_cluster_state', '1 for the current state of a registered cluster', [
      'source_cluster',
      'state',
    ]),
    sourceSynced: gauge('slicewright_source_synced', '1 once every kind of a source was read completely', cluster),
    sourceFailing: gauge('slicewright_source_failing', 'Kinds of a source that cannot be read now', cluster),
    sourceOverLimit: gauge('slicewright_source_over_limit', 'Kinds of a source that are over its limits', cluster),
    sourceSilence: gauge('slicewright_source_silence_seconds', 'Time since a source last sent something', cluster),
    leaseAge: gauge('slicewright_lease_age_seconds', "Time since a cluster's lease was last seen to change", cluster),
    programmingLatency: histogram(
      'slicewright_programming_latency_seconds',
      'Time from an event reaching the agent to its rules in force, by the cluster of the event',
      exponential,
      ['ip_family', 'source_cluster'],
    ),
    drift: counter(
      'slicewright_drift_total',
      "Times that another program changed or flushed slicewright's rules",
      family,
    ),
    quarantined: gauge('slicewright_quarantined_service_ports', 'Service ports whose rules the kernel rejects', family),
    transactions: counter('slicewright_transactions_total', 'Transactions given to the kernel', family),
    diagnostics: gauge('slicewright_diagnostics', 'Diagnostics about objects', ['severity']),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

/** 1 ms to 16 s, doubling. */
const exponential = Array.from({ length: 15 }, (_, k) => 0.001 * 2 ** k);

/** client-go's. */
const request = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

/** kube-proxy's buckets: fine below a minute, coarse up to five. */
const programming = [
  0.25,
  0.5,
  ...Array.from({ length: 59 }, (_, i) => i + 1),
  ...Array.from({ length: 12 }, (_, i) => 60 + 5 * i),
  ...Array.from({ length: 7 }, (_, i) => 120 + 30 * i),
];
