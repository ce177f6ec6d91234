import type { SourceStatus } from '../sources/board.ts';
import type { Metrics } from './metrics.ts';

/** Lets the metrics of sources be what they are when they are asked for: silence grows without an event. */
export function showSources(metrics: Metrics, status: () => readonly SourceStatus[]): void {
  const { sourceSynced, sourceSilence, leaseAge } = metrics;
  const forEach = (show: (source: SourceStatus, labels: { source_cluster: string }) => void) => (): void => {
    for (const source of status()) show(source, { source_cluster: source.cluster ?? 'local' });
  };
  Object.assign(sourceSynced, {
    collect: forEach(({ synced }, labels) => sourceSynced.set(labels, synced ? 1 : 0)),
  });
  Object.assign(sourceSilence, {
    collect: forEach(({ silentMs }, labels) => {
      if (silentMs !== undefined) sourceSilence.set(labels, silentMs / 1000);
    }),
  });
  // Contact is what renews the lease of another cluster.
  Object.assign(leaseAge, {
    collect: forEach(({ cluster, silentMs }, labels) => {
      if (cluster !== undefined && silentMs !== undefined) leaseAge.set(labels, silentMs / 1000);
    }),
  });
}
