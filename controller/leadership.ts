import type { ClusterName } from '../compiler/values/names.ts';
import type { Clock } from '../agent/loop/clock.ts';
import type { Log } from '../agent/telling/log.ts';
import type { Cluster } from './cluster.ts';
import { hub as hubTarget, type Target } from './core/world.ts';
import { createElection, type Election, type ElectionTimes, type Rank } from './election.ts';

/** The Lease of the leader at home. */
const homeName = 'slicewright-controller';
/** The Lease of the replica that writes in a cluster. No cluster's name has a dot, so no source's Lease has this name. */
const writerName = 'slicewright-controller.writer';

export interface LeadershipOptions {
  /** The hub, if there is one; it is then the home. */
  readonly hub: Cluster | undefined;
  /** The cluster where users write, or the first member: its leader has precedence everywhere. */
  readonly home: Cluster;
  readonly namespace: string;
  readonly identity: string;
  readonly times: ElectionTimes;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether enough was read to write correct content. */
  readonly isReady: () => boolean;
  /** The leader's notes for the next one, at home and in each cluster. */
  readonly notes: () => Readonly<Record<string, string>>;
  readonly onHomeNotes: (notes: ReadonlyMap<string, string>) => void;
  readonly onNotes: (notes: ReadonlyMap<string, string>) => void;
}

/**
 * Which replica writes where. Each cluster has a Lease of its own, and only its holder writes there: so one replica at a
 * time writes to a cluster, whatever other clusters are unreachable. The holder of the Lease at home writes to the hub and gives
 * away clusterset IPs. It also has precedence in all other clusters, so one replica leads wherever it can, and
 * another only where the first cannot.
 */
export interface Leadership {
  readonly home: Election;
  leads(target: Target): boolean;
  /** Why no replica writes in a readable cluster; '' if one will soon; undefined: one does. */
  vacancy(target: Target): string | undefined;
  /** Whether this replica has stood for election in every cluster that can be written to. */
  hasStood(): boolean;
  /** The replica that wrote there when the Lease was last seen; '' if there was none. */
  holder(target: Target): string;
  run(signal: AbortSignal): Promise<void>;
  /** Stands for election in a member, until the member is stopped. */
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
        // The notes at home are newer.
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
