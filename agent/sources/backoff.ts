/** Waiting times between attempts, in milliseconds. */
export interface BackoffTimes {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * The wait before an attempt: doubled with every failure in a row up to `maxMs`. The second half of it
 * is random, so that the agents of a cluster do not all come back at once.
 *
 * failures   failures in a row so far, from 1
 * random     in [0, 1)
 */
export function backoffMs(failures: number, times: BackoffTimes, random: number): number {
  const full = Math.min(times.maxMs, times.firstMs * 2 ** Math.min(failures - 1, 30));
  return full / 2 + (full / 2) * random;
}
