import { type ClusterState, clusterStates } from '../../compiler/registry/registry.ts';
import type { ClusterStanding } from '../clusters/states.ts';
import type { SourceStatus } from '../sources/board.ts';
import type { Metrics } from './metrics.ts';

/** Sets the metrics of sources when they are read: silence grows without an event. */
export function showSources(metrics: Metrics, status: () => readonly SourceStatus[]): void {
  const { sourceSynced, sourceSilence } = metrics;
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
}

/** The same for the assumed states of registered clusters. */
export function showClusters(metrics: Metrics, standings: () => readonly ClusterStanding[]): void {
  const { clusterState, leaseAge } = metrics;
  const flag = (state: ClusterState, now: ClusterState): number => (state === now ? 1 : 0);
  Object.assign(clusterState, {
    collect: () => {
      for (const { cluster, state } of standings()) {
        for (const one of clusterStates) {
          clusterState.set({ source_cluster: cluster, state: one }, flag(one, state));
        }
      }
    },
  });
  Object.assign(leaseAge, {
    collect: () => {
      // A deleted Lease has no age.
      leaseAge.reset();
      for (const { cluster, ageMs } of standings()) {
        if (ageMs !== undefined) leaseAge.set({ source_cluster: cluster }, ageMs / 1000);
      }
    },
  });
}
