import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import manifest from '../package.json' with { type: 'json' };

/** The controller's metrics. docs/controller.md describes each. */
export function createControllerMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({ name, help, labelNames: [...labelNames], registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge({ name, help, labelNames: [...labelNames], registers });
  collectDefaultMetrics({ register: registry });
  gauge('slicewright_build_info', 'Always 1; the version is in the labels', ['version', 'node_version']).set(
    { version: manifest.version, node_version: process.version },
    1,
  );
  return {
    registry,
    writes: counter('slicewright_controller_writes_total', 'Writes to clusters, by what the server answered', [
      'cluster',
      'kind',
      'verb',
      'outcome',
    ]),
    conflicts: counter('slicewright_controller_conflicts_total', 'Writes that conflicted with another writer', [
      'cluster',
      'kind',
    ]),
    requests: counter('slicewright_controller_requests_total', 'Requests to API servers', ['host', 'method', 'code']),
    silence: gauge('slicewright_controller_source_silence_seconds', 'Since a cluster was last heard', ['cluster']),
    access: gauge('slicewright_controller_cluster_live', '1 while a cluster is read completely and watched', [
      'cluster',
    ]),
    writing: gauge('slicewright_controller_cluster_writing', '1 for each cluster that this replica writes to', [
      'cluster',
    ]),
    held: gauge(
      'slicewright_controller_held_copies',
      'Copies of a source that are kept although it reports no slices',
      ['source_cluster'],
    ),
    withheld: gauge(
      'slicewright_controller_withheld_deletions',
      'Deletions that wait until all clusters have been read',
      [],
    ),
    problems: gauge('slicewright_controller_problems', 'Objects that cannot be written now', ['cluster']),
    waiting: gauge(
      'slicewright_controller_waiting',
      'Services and objects that are waiting to be reconciled or are being written',
      [],
    ),
    leading: gauge(
      'slicewright_controller_leading',
      '1 for the leader in the home cluster, which is preferred in other clusters',
      [],
    ),
    duration: new Histogram({
      name: 'slicewright_controller_reconcile_duration_seconds',
      help: 'Time from the decision to the last answer, for reconciliations that write',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
  };
}

export type ControllerMetrics = ReturnType<typeof createControllerMetrics>;
