import type { ClusterName } from '../compiler/values/names.ts';
import type { Log } from '../agent/telling/log.ts';
import type { Cluster } from './cluster.ts';
import { type Clock, sleep } from '../agent/loop/clock.ts';
import { type Identity, uidOf } from './identity.ts';

export interface SourceLeaseTimes {
  readonly everyMs: number;
  /** For how long agents take a renewal as a sign of life. */
  readonly durationSeconds: number;
}

export const defaultSourceLeaseTimes: SourceLeaseTimes = { everyMs: 10_000, durationSeconds: 40 };

export interface SourceLeases {
  run(signal: AbortSignal): Promise<void>;
  /** More clusters match their sources now: their Leases are due at once, because the last writer may have been silent for long. */
  due(): void;
}

export interface SourceLeaseOptions {
  readonly members: ReadonlyMap<ClusterName, Cluster>;
  readonly identity: Identity;
  readonly namespace: string;
  /** The holder's name in the Leases. */
  readonly holder: string;
  readonly times: SourceLeaseTimes;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether this replica keeps a cluster's content equal to its sources. */
  readonly isFresh: (consumer: ClusterName) => boolean;
}

/**
 * A Lease for each source in each other cluster, which shows agents whether the source's content there is fresh (CC-7). It is
 * renewed only after the source itself has answered in this round, never merely because the controller runs, and only
 * by the replica that writes in that cluster and has caught up there. The
 * source is asked for the uid of its `kube-system` namespace, which reveals two names for one cluster (CC-1).
 */
export function createSourceLeases(options: SourceLeaseOptions): SourceLeases {
  const { members, identity, namespace, times, clock, log, isFresh } = options;
  const spoke = new Set<ClusterName>();
  let waking = new AbortController();

  async function round(source: ClusterName, cluster: Cluster): Promise<void> {
    const answer = await uidOf(cluster);
    const isRefused = 'uid' in answer && !identity.isItself(source, answer.uid);
    if (isRefused) return void spoke.delete(source);
    if ('problem' in answer || cluster.cache.access !== 'live') {
      if (spoke.delete(source))
        log.warn({ source }, 'does not answer: the controller stops renewing its Leases in other clusters');
      return;
    }
    spoke.add(source);
    const others = [...members].filter(
      ([name, { cache }]) => name !== source && cache.access === 'live' && isFresh(name),
    );
    await Promise.all(others.map(([, consumer]) => renew(source, consumer)));
  }

  async function renew(source: ClusterName, consumer: Cluster): Promise<void> {
    const id = { group: 'coordination.k8s.io', kind: 'Lease', namespace, name: source };
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: source, namespace, labels: { 'slicewright.dev/source-lease': 'true' } },
      spec: {
        holderIdentity: options.holder,
        leaseDurationSeconds: times.durationSeconds,
        renewTime: new Date(clock.wallMs()).toISOString().replace('Z', '000Z'),
      },
    };
    const written = await consumer.gate.through(() => consumer.api.apply(id, lease, { force: true }));
    if (written.kind !== 'done') {
      log.debug({ source, consumer: consumer.target, outcome: written.kind }, 'its Lease could not be renewed');
    }
  }

  return {
    async run(signal) {
      while (!signal.aborted) {
        await Promise.all([...members].map(([source, cluster]) => round(source, cluster)));
        await sleep(clock, times.everyMs, AbortSignal.any([signal, waking.signal]));
        if (waking.signal.aborted) waking = new AbortController();
      }
    },
    due: () => waking.abort(),
  };
}
