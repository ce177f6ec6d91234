import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { unreachable } from '../../compiler/values/unreachable.ts';
import type { AgentEvent, ChangesTaken, Report } from '../telling/agent-event.ts';
import type { ApiCall } from '../sources/api.ts';
import { createChosenPorts } from './chosen-ports.ts';
import { createClusterLabels } from './cluster-labels.ts';
import type { Metrics } from './metrics.ts';

type EventOf<K extends AgentEvent['kind']> = Extract<AgentEvent, { kind: K }>;

/** Requests to API servers, as client-go counts them. */
export function countCalls({ requests, requestDuration }: Metrics): (call: ApiCall) => void {
  return ({ method, host, status, durationMs }) => {
    requests.inc({ code: status === undefined ? '<error>' : String(status), method, host });
    requestDuration.observe({ verb: method, host }, durationMs / 1000);
  };
}

/** Turns the agent's events into metrics. */
export function metricsListener(metrics: Metrics, clock: { readonly nowMs: () => number }): Report {
  /** Kinds that a source cannot read now. */
  const failing = new Map<string, Set<string>>();
  /** Kinds of which the source has more objects than its limits allow. */
  const overLimit = new Map<string, Set<string>>();
  /** Changes that are not yet in force in a family. */
  const pending = new Map<Family, ChangesTaken>();
  const labels = createClusterLabels();
  /** Service ports with a Local policy and no endpoint on this node: clients are dropped, not rejected. */
  const droppedIn = () => ({
    internal: createChosenPorts(({ internal }) => internal.kind === 'drop'),
    external: createChosenPorts(({ external }) => external.kind === 'drop'),
  });
  const dropped = { IPv4: droppedIn(), IPv6: droppedIn() };
  let ofObjects: readonly Diagnostic[] = [];
  let ofLeases: readonly Diagnostic[] = [];

  function source(event: EventOf<'source'>): void {
    // An optional kind that cannot be read is not a failure of the source.
    if (event.forgone) return;
    const cluster = event.cluster ?? 'local';
    const { state, objectKind } = event;
    const isFailing = state.kind === 'failing';
    metrics.sourceFailing.set({ source_cluster: cluster }, mark(failing, cluster, objectKind, isFailing));
    const isOver = isFailing && state.overLimit === true;
    metrics.sourceOverLimit.set({ source_cluster: cluster }, mark(overLimit, cluster, objectKind, isOver));
  }

  function changes({ taken, families: waiting }: EventOf<'changes'>): void {
    metrics.serviceChanges.inc(taken.services);
    metrics.endpointChanges.inc(taken.endpointSlices);
    for (const family of waiting) {
      const before = pending.get(family) ?? { services: 0, endpointSlices: 0, others: 0 };
      pending.set(family, {
        services: before.services + taken.services,
        endpointSlices: before.endpointSlices + taken.endpointSlices,
        others: before.others + taken.others,
      });
      metrics.lastQueued.set({ ip_family: family }, clock.nowMs() / 1000);
    }
    showPending();
  }

  /** A change waits until it is in force in the last family. */
  function showPending(): void {
    const all = [...pending.values()];
    metrics.servicePending.set(Math.max(0, ...all.map(({ services }) => services)));
    metrics.endpointPending.set(Math.max(0, ...all.map(({ endpointSlices }) => endpointSlices)));
  }

  function synced(event: EventOf<'synced'>): void {
    const { sync } = event;
    const ofFamily = { ip_family: event.family };
    const seconds = event.durationMs / 1000;
    metrics.syncDuration.observe(ofFamily, seconds);
    (sync.depth === 'full' ? metrics.fullSyncDuration : metrics.partialSyncDuration).observe(ofFamily, seconds);
    metrics.lastSync.set(ofFamily, clock.nowMs() / 1000);
    pending.delete(event.family);
    showPending();
    metrics.transactions.inc(ofFamily, sync.documents);
    metrics.quarantined.set(ofFamily, sync.quarantined.length);
    if (sync.deltaRefused) failed(event.family, 'delta');
    for (const [table, rules] of sync.rules) metrics.iptablesTotal.set({ ...ofFamily, table }, rules);
    for (const [table, rules] of sync.written ?? []) metrics.iptablesLast.set({ ...ofFamily, table }, rules);
    for (const [cluster, latencies] of event.latenciesByCluster) {
      const at = { ...ofFamily, source_cluster: labels.of(cluster) };
      for (const ms of latencies) metrics.programmingLatency.observe(at, ms / 1000);
    }
    for (const ms of event.networkLatenciesMs) metrics.networkProgramming.observe(ofFamily, ms / 1000);
    countMissing(event);
  }

  function failed(family: Family, depth: 'full' | 'delta'): void {
    if (metrics.ofMode !== undefined) {
      metrics.ofMode.syncFailures.inc({ ip_family: family });
      return;
    }
    metrics.restoreFailures.inc({ ip_family: family });
    if (depth === 'delta') metrics.partialRestoreFailures.inc({ ip_family: family });
  }

  function countMissing({ family, services, since }: EventOf<'synced'>): void {
    for (const policy of ['internal', 'external'] as const) {
      const missing = dropped[family][policy].of(services, since).length;
      metrics.noLocalEndpoints.set({ ip_family: family, traffic_policy: policy }, missing);
    }
  }

  /** Removes the series of clusters that no object names any more. */
  function survey({ endpoints, slices }: EventOf<'survey'>): void {
    for (const gone of labels.keep(new Set(['local', ...failing.keys(), ...endpoints.keys()]))) {
      for (const family of families) metrics.programmingLatency.remove({ ip_family: family, source_cluster: gone });
    }
    metrics.endpoints.reset();
    metrics.slices.reset();
    for (const [cluster, states] of endpoints) {
      const at = { source_cluster: labels.of(cluster) };
      for (const [state, count] of Object.entries(states)) metrics.endpoints.inc({ ...at, state }, count);
      metrics.slices.inc(at, slices.get(cluster) ?? 0);
    }
  }

  function countDiagnostics(): void {
    const all = [...ofObjects, ...ofLeases];
    for (const severity of ['error', 'warning', 'info'] as const) {
      metrics.diagnostics.set({ severity }, all.filter((diagnostic) => diagnostic.severity === severity).length);
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
        return failed(event.family, event.depth);
      case 'drift':
        return event.isFlush ? undefined : metrics.drift.inc({ ip_family: event.family });
      case 'flushed':
        return metrics.drift.inc({ ip_family: event.family });
      case 'slices-held': {
        const at = { source_cluster: labels.of(event.cluster) };
        if (event.count > 0) metrics.heldSlices.set(at, event.count);
        else metrics.heldSlices.remove(at);
        return;
      }
      case 'removal-held':
        return metrics.heldServices.set(event.services);
      case 'removal-released':
        return metrics.heldServices.set(0);
      case 'survey':
        ofObjects = event.diagnostics;
        countDiagnostics();
        return survey(event);
      case 'lease-problems':
        ofLeases = event.diagnostics;
        return countDiagnostics();
      case 'waiting':
      case 'ready':
      case 'prepared':
      case 'quarantined':
      case 'released':
      case 'lease':
      case 'health-check-failed':
        return;
      default:
        return unreachable(event);
    }
  };
}

/** Sets or clears a mark for a kind of a cluster; returns how many kinds are marked. */
function mark(marks: Map<string, Set<string>>, cluster: string, kind: string, isSo: boolean): number {
  const kinds = marks.get(cluster) ?? new Set<string>();
  marks.set(cluster, kinds);
  if (isSo) kinds.add(kind);
  else kinds.delete(kind);
  return kinds.size;
}
