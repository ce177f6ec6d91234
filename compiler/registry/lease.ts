import { unreachable } from '../values/unreachable.ts';
import type { ClusterState } from './registry.ts';

/**
 * What is remembered about a cluster's lease between two looks at it. Times are milliseconds of this process's own
 * clock.
 */
export interface LeaseMemory {
  readonly state: ClusterState;
  /** The renewal stamp last seen, as the other cluster wrote it. Only compared, never read as a time. */
  readonly stamp: string | undefined;
  /** When that stamp was seen first; undefined: no stamp was ever seen. */
  readonly seenMs: number | undefined;
  /** Suspect: since when it is suspect. Lost: since when the lease is valid again, if it is. Otherwise undefined. */
  readonly sinceMs: number | undefined;
}

/** One look at a lease. */
export interface LeaseSighting {
  /** `spec.renewTime`; undefined: there is no lease, or it could not be read. */
  readonly stamp: string | undefined;
  /** `spec.leaseDurationSeconds`, in milliseconds. */
  readonly durationMs: number;
  readonly nowMs: number;
}

export interface LeaseTimes {
  /** How long a lease stays expired before its cluster is lost. */
  readonly graceMs: number;
  /** How long a lost cluster's lease is valid before the cluster counts as alive. */
  readonly settleMs: number;
}

export const defaultLeaseTimes: LeaseTimes = { graceMs: 40_000, settleMs: 15_000 };
export const unknownLease: LeaseMemory = { state: 'Unknown', stamp: undefined, seenMs: undefined, sinceMs: undefined };

/**
 * The next memory after a look at the lease.
 *
 *     Unknown → Alive     first lease seen
 *     Alive   → Suspect   the lease expires
 *     Suspect → Alive     renewed
 *     Suspect → Lost      still expired after `graceMs`
 *     Lost    → Alive     valid without a gap for `settleMs`
 *
 * A lease is valid for its duration after *this process* saw its stamp change. The clocks of two clusters are never
 * compared, so the other one may be wrong by any amount. If this process's clock jumps backwards, everything seen
 * before counts as seen now. source: MR-70 to MR-74; the reading of stamps is client-go's leader election.
 */
export function nextLease(
  memory: LeaseMemory,
  sighting: LeaseSighting,
  times: LeaseTimes = defaultLeaseTimes,
): LeaseMemory {
  const { nowMs } = sighting;
  const renewed = sighting.stamp !== undefined && sighting.stamp !== memory.stamp;
  const stamp = sighting.stamp ?? memory.stamp;
  const seenMs = renewed ? nowMs : earlier(memory.seenMs, nowMs);
  const sinceMs = earlier(memory.sinceMs, nowMs);
  const valid = seenMs !== undefined && nowMs - seenMs < sighting.durationMs;
  const become = (state: ClusterState, since?: number): LeaseMemory => ({ state, stamp, seenMs, sinceMs: since });

  switch (memory.state) {
    case 'Unknown':
      return become(valid ? 'Alive' : 'Unknown');
    case 'Alive':
      return valid ? become('Alive') : become('Suspect', nowMs);
    case 'Suspect':
      if (valid) return become('Alive');
      return nowMs - (sinceMs ?? nowMs) >= times.graceMs ? become('Lost') : become('Suspect', sinceMs ?? nowMs);
    case 'Lost':
      if (!valid) return become('Lost');
      return nowMs - (sinceMs ?? nowMs) >= times.settleMs ? become('Alive') : become('Lost', sinceMs ?? nowMs);
    default:
      return unreachable(memory.state);
  }
}

function earlier(timeMs: number | undefined, nowMs: number): number | undefined {
  return timeMs === undefined ? undefined : Math.min(timeMs, nowMs);
}
