import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { Family } from '../../compiler/values/address.ts';
import { unreachable } from '../../compiler/values/unreachable.ts';
import type { AgentEvent, Report } from '../report.ts';
import type { Metrics } from './metrics.ts';

/** What the agent tells, as numbers. */
export function metricsListener(metrics: Metrics, clock: { readonly nowMs: () => number }): Report {
  /** Kinds that a source cannot read now. */
  const failing = new Map<string, Set<string>>();

  function source(event: Extract<AgentEvent, { kind: 'source' }>): void {
    const labels = { source_cluster: event.cluster ?? 'local' };
    const kinds = failing.get(labels.source_cluster) ?? new Set<string>();
    failing.set(labels.source_cluster, kinds);
    if (event.state.kind === 'failing') kinds.add(event.objectKind);
    else kinds.delete(event.objectKind);
    metrics.sourceFailing.set(labels, kinds.size);
  }

  function changes({ taken, families }: Extract<AgentEvent, { kind: 'changes' }>): void {
    metrics.serviceChanges.inc(taken.services);
    metrics.endpointChanges.inc(taken.endpointSlices);
    metrics.servicePending.set(taken.services);
    metrics.endpointPending.set(taken.endpointSlices);
    for (const family of families) metrics.lastQueued.set({ ip_family: family }, clock.nowMs() / 1000);
  }

  function synced(event: Extract<AgentEvent, { kind: 'synced' }>): void {
    const labels = { ip_family: event.family };
    const seconds = event.durationMs / 1000;
    metrics.syncDuration.observe(labels, seconds);
    (event.sync.depth === 'full' ? metrics.fullSyncDuration : metrics.partialSyncDuration).observe(labels, seconds);
    metrics.lastSync.set(labels, clock.nowMs() / 1000);
    metrics.servicePending.set(0);
    metrics.endpointPending.set(0);
    metrics.transactions.inc(labels, event.sync.documents);
    metrics.quarantined.set(labels, event.sync.quarantined.length);
    for (const [table, rules] of event.sync.rules) metrics.iptablesTotal.set({ ...labels, table }, rules);
    metrics.iptablesLast.set({ ...labels, table: 'all' }, event.sync.lines);
    for (const ms of event.latenciesMs) metrics.programmingLatency.observe(labels, ms / 1000);
    for (const ms of event.networkLatenciesMs) metrics.networkProgramming.observe(labels, ms / 1000);
    countMissing(event.family, event.services);
  }

  /** Service ports whose Local policy finds nobody here: clients are dropped, not refused. */
  function countMissing(family: Family, services: readonly ServicePortIR[]): void {
    for (const policy of ['internal', 'external'] as const) {
      const missing = services.filter((service) => service[policy].kind === 'drop').length;
      metrics.noLocalEndpoints.set({ ip_family: family, traffic_policy: policy }, missing);
    }
  }

  return (event) => {
    switch (event.kind) {
      case 'source':
        return source(event);
      case 'changes':
        return changes(event);
      case 'synced':
        return synced(event);
      case 'sync-failed':
        metrics.restoreFailures.inc({ ip_family: event.family });
        if (event.depth === 'delta') metrics.partialRestoreFailures.inc({ ip_family: event.family });
        return;
      case 'drift':
        return metrics.drift.inc({ ip_family: event.family }, event.chains.length);
      case 'flushed':
        return metrics.drift.inc({ ip_family: event.family });
      case 'lease':
        return metrics.leaseAge.set({ source_cluster: event.cluster }, event.ageMs / 1000);
      case 'survey':
        for (const severity of ['error', 'warning', 'info'] as const) {
          const count = event.diagnostics.filter((diagnostic) => diagnostic.severity === severity).length;
          metrics.diagnostics.set({ severity }, count);
        }
        for (const [cluster, states] of event.endpoints) {
          for (const [state, count] of Object.entries(states)) {
            metrics.endpoints.set({ source_cluster: cluster, state }, count);
          }
        }
        return;
      case 'waiting':
      case 'ready':
      case 'prepared':
      case 'quarantined':
      case 'released':
      case 'slices-held':
        return;
      default:
        return unreachable(event);
    }
  };
}
