import {
  defaultLeaseTimes,
  type LeaseMemory,
  type LeaseTimes,
  nextLease,
  unknownLease,
} from '../compiler/registry/lease.ts';
import type { Registry } from '../compiler/registry/registry.ts';
import type { ClusterName } from '../compiler/values/names.ts';
import type { Report } from './report.ts';
import type { SourceStatus } from './sources/board.ts';

/** How long a cluster that nothing is heard of counts as alive: API servers send a bookmark a minute, if nothing else. */
const contactMs = 120_000;

export interface ContactTimes extends LeaseTimes {
  /** How long one look that found contact is good for. */
  readonly durationMs: number;
  readonly lookMs: number;
}

export const defaultContactTimes: ContactTimes = { ...defaultLeaseTimes, durationMs: 20_000, lookMs: 5_000 };

/** What is believed of other clusters, from how their sources stand. */
export interface ClusterStates {
  /** A look at the sources. Returns the registry with other states, if one changed. */
  look(statuses: readonly SourceStatus[]): Registry | undefined;
}

/**
 * Contact with a cluster's API server is its lease: each word from it renews it, a kind that cannot
 * be read does not. A cluster without contact becomes suspect, then lost (lease.ts has the times and
 * why they are as they are), and what becomes of its endpoints then is the registry's policy.
 *
 * Only clusters of the registry that have a source here are judged; all others keep the state that
 * the registry gives them, and so does everything without a registry: losing touch with an API server
 * says little of pods, so acting on it is something that an operator asks for.
 */
export function createClusterStates(
  registry: Registry,
  nowMs: () => number,
  report: Report,
  times: ContactTimes = defaultContactTimes,
): ClusterStates {
  const leases = new Map<ClusterName, LeaseMemory>();
  let renewals = 0;
  return {
    look(statuses) {
      let changed = false;
      for (const { cluster, synced, failing, silentMs } of statuses) {
        const registered = registry.clusters.find(({ id, aliases }) =>
          cluster === undefined ? false : id === cluster || aliases.includes(cluster),
        );
        if (registered === undefined || registered.self || registered.removed) continue;
        const before = leases.get(registered.id) ?? unknownLease;
        const isInTouch = synced && failing.length === 0 && (silentMs ?? contactMs) < contactMs;
        const stamp = isInTouch ? String(renewals++) : undefined;
        const after = nextLease(before, { stamp, durationMs: times.durationMs, nowMs: nowMs() }, times);
        leases.set(registered.id, after);
        if (after.state === before.state) continue;
        changed = true;
        report({ kind: 'lease', cluster: registered.id, state: after.state, ageMs: silentMs ?? 0 });
      }
      if (!changed) return undefined;
      const clusters = registry.clusters.map((one) => {
        const state = leases.get(one.id)?.state ?? one.state;
        return { ...one, state: state === 'Unknown' ? one.state : state };
      });
      return { ...registry, clusters };
    },
  };
}
