import type { ClusterName } from '../compiler/values/names.ts';
import type { Clock } from '../agent/loop/clock.ts';
import type { Log } from '../agent/telling/log.ts';
import type { Cluster } from './cluster.ts';
import { hub as hubTarget, type Target } from './core/world.ts';
import { createElection, type Election, type ElectionTimes, type Rank } from './election.ts';

/** Who leads at home. */
const homeName = 'slicewright-controller';
/** Who writes in a cluster. No cluster's name has a dot, so this is the name of no source's Lease. */
const writerName = 'slicewright-controller.writer';

export interface LeadershipOptions {
  /** Where there is one; it is home then. */
  readonly hub: Cluster | undefined;
  /** Where users write, or the first member: who leads there comes first everywhere. */
  readonly home: Cluster;
  readonly namespace: string;
  readonly identity: string;
  readonly times: ElectionTimes;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether enough was read that what is written would be right. */
  readonly isReady: () => boolean;
  /** What a leader leaves to the next one, at home and in each cluster. */
  readonly notes: () => Readonly<Record<string, string>>;
  readonly onHomeNotes: (notes: ReadonlyMap<string, string>) => void;
  readonly onNotes: (notes: ReadonlyMap<string, string>) => void;
}

/**
 * Who writes where. Each cluster has its own Lease in itself, and only who holds it writes there: so one replica at a
 * time writes to a cluster, whatever else cannot be reached. The Lease at home decides who writes to the hub and gives
 * away clusterset IPs; who holds it comes first in all others, so that one replica leads everywhere where it can, and
 * another only where the first cannot.
 */
export interface Leadership {
  readonly home: Election;
  leads(target: Target): boolean;
  /** Why nobody writes in a cluster that can be read; '' where that is only a matter of time; undefined: somebody does. */
  vacancy(target: Target): string | undefined;
  /** Whether it has stood for election in every cluster that can be written to. */
  hasStood(): boolean;
  /** Who writes there, as it was seen last; '' for nobody. */
  holder(target: Target): string;
  run(signal: AbortSignal): Promise<void>;
  /** Stands for election in a member, until it is stopped. */
  standIn(name: ClusterName, cluster: Cluster): Promise<void>;
}

export function createLeadership(options: LeadershipOptions): Leadership {
  const { hub, namespace, identity, times, clock, log } = options;
  const shared = { namespace, identity, times, clock, log, notes: options.notes };
  const members = new Map<ClusterName, { readonly cluster: Cluster; readonly election: Election }>();
  const home = createElection({ ...shared, api: options.home.leaseApi, name: homeName, onNotes: options.onHomeNotes });

  function rank(): Rank {
    if (home.isLeading()) return 'first';
    return home.isLedByAnother() ? 'second' : 'alone';
  }

  return {
    home,
    leads(target) {
      if (target === hubTarget) return hub !== undefined && home.isLeading();
      const member = members.get(target);
      return member !== undefined && !member.cluster.cache.isSuspended && member.election.isLeading();
    },
    vacancy(target) {
      const election = target === hubTarget ? home : members.get(target)?.election;
      if (election === undefined || election.isLeading() || election.isLedByAnother()) return undefined;
      return election.problem();
    },
    hasStood: () =>
      [...members.values()].every(
        ({ cluster: { cache }, election }) => cache.access !== 'live' || cache.isSuspended || election.hasStood(),
      ),
    holder: (target) => (target === hubTarget ? home.holder() : (members.get(target)?.election.holder() ?? '')),
    run: (signal) => home.run(signal),
    async standIn(name, cluster) {
      const election = createElection({
        ...{ ...shared, cluster: name, api: cluster.leaseApi, name: writerName, rank },
        // What is remembered at home is newer.
        onNotes: (notes) => void (home.hasLooked() || options.onNotes(notes)),
        stands: () => options.isReady() && !cluster.cache.isSuspended,
      });
      const member = { cluster, election };
      members.set(name, member);
      await election.run(cluster.ends);
      if (members.get(name) === member) members.delete(name);
    },
  };
}
