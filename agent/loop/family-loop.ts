import { canonicalJson } from '../../compiler/values/canonical-json.ts';
import type { Family } from '../../compiler/values/address.ts';
import type { ServiceKey } from '../../compiler/values/names.ts';
import type { Depth, FamilyPlane, FamilySync } from '../../backends/plane/plane.ts';
import { joinSince, type Since, type Target } from '../../backends/target.ts';
import type { Clock } from './clock.ts';
import { type AppliedChange, createLatencyMeter } from './latency.ts';
import type { Report } from '../telling/agent-event.ts';
import { backoffMs, type BackoffTimes } from '../sources/backoff.ts';

export interface LoopTimes {
  /** The least time between the end of a sync and the start of the next (minSyncPeriod). */
  readonly gapMs: number;
  /** The most time between two readings of the kernel (syncPeriod), unless reading takes too long. */
  readonly resyncMs: number;
  /** The time between two quick looks at hooks. */
  readonly glanceMs: number;
  /** The time before a failed sync is tried again. */
  readonly retry: BackoffTimes;
}

export const defaultLoopTimes: LoopTimes = {
  gapMs: 1_000,
  resyncMs: 30_000,
  glanceMs: 3_000,
  retry: { firstMs: 1_000, maxMs: 30_000 },
};

/** One family's part of the loop: the work that is left, and when to do it. */
export interface FamilyLoop {
  readonly family: Family;
  /** Sets the desired state. changed: the Services that caused the change. */
  want(wanted: Target, changed: ReadonlySet<ServiceKey>, applied: readonly AppliedChange[]): void;
  /** Something that is desired is not in force yet. */
  isPending(): boolean;
  /** Does the work that is due, if any. Returns whether the kernel was written to or read. */
  tend(): Promise<boolean>;
  /** When {@link tend} has something to do again. */
  dueMs(): number;
}

/** Costly work is done so seldom that it takes at most a twentieth of a core. */
export const restFactor = 20;

export function createFamilyLoop({
  plane,
  clock,
  times,
  report,
}: {
  readonly plane: FamilyPlane;
  readonly clock: Clock;
  readonly times: LoopTimes;
  readonly report: Report;
}): FamilyLoop {
  const { family } = plane;
  const meter = createLatencyMeter(clock);
  let wanted: Target | undefined;
  /** How the desired state differs from that of the last sync; undefined: it is unknown what is in force. */
  let since: Since | undefined;
  let nodeText = '';
  let pending = true;
  let failures = 0;
  // At the start the state of the kernel is unknown.
  let fullDueMs = 0;
  let glanceDueMs = 0;
  let againDueMs = Number.POSITIVE_INFINITY;
  let notBeforeMs = 0;
  const isQuarantined = new Set<string>();
  /** A flush was reported. The reading that repairs it reports which chains were flushed. */
  let isFlushed = false;

  async function sync(now: Target, depth: Depth): Promise<void> {
    const startMs = clock.nowMs();
    pending = false;
    againDueMs = Number.POSITIVE_INFINITY;
    const way = since;
    since = undefined;
    try {
      const done = await plane.sync({ ...now, since: way }, depth);
      since = { services: now.services, changes: new Map() };
      const endMs = clock.nowMs();
      const durationMs = endMs - startMs;
      failures = 0;
      if (done.depth === 'full') {
        fullDueMs = endMs + Math.max(times.resyncMs, restFactor * durationMs);
        // What was just read needs no quick look.
        glanceDueMs = endMs + times.glanceMs;
      }
      if (done.againInMs !== undefined) againDueMs = endMs + done.againInMs;
      const { programming, byCluster, network } = meter.inForce();
      tellOf(done);
      report({
        kind: 'synced',
        family,
        sync: done,
        services: now.services,
        since: way,
        durationMs,
        latenciesMs: programming,
        latenciesByCluster: byCluster,
        networkLatenciesMs: network,
      });
    } catch (error) {
      pending = true;
      failures++;
      // What the agent assumed about the kernel may be wrong.
      fullDueMs = 0;
      const retryInMs = backoffMs(failures, times.retry, 1);
      notBeforeMs = clock.nowMs() + retryInMs;
      const cause = error instanceof Error ? error : new Error(String(error));
      report({ kind: 'sync-failed', family, depth, error: cause, retryInMs });
    }
  }

  function tellOf({ drift, quarantined, released }: FamilySync): void {
    if (drift.length > 0) report({ kind: 'drift', family, chains: drift, isFlush: isFlushed });
    isFlushed = false;
    for (const { service, message, retryInMs } of quarantined) {
      if (!isQuarantined.has(service)) report({ kind: 'quarantined', family, service, message, retryInMs });
    }
    for (const service of released) report({ kind: 'released', family, service });
    isQuarantined.clear();
    for (const { service } of quarantined) isQuarantined.add(service);
  }

  /** Returns whether everything that was checked is in place. */
  async function glance(): Promise<boolean> {
    const startMs = clock.nowMs();
    const missing = await plane.glance();
    const endMs = clock.nowMs();
    glanceDueMs = endMs + Math.max(times.glanceMs, restFactor * (endMs - startMs));
    if (missing === undefined) return true;
    report({ kind: 'flushed', family, missing });
    isFlushed = true;
    fullDueMs = 0;
    return false;
  }

  return {
    family,
    want(now, changed, applied) {
      const text = canonicalJson(now.node);
      const isSameNode = text === nodeText;
      if (isSameNode && changed.size === 0 && wanted !== undefined) return;
      if (wanted !== undefined && now.services !== wanted.services)
        since = joinSince(since, wanted.services, now.since);
      // An equal node keeps its object identity, so caches that use it as a key stay valid.
      wanted = isSameNode && wanted !== undefined ? { ...now, node: wanted.node } : now;
      nodeText = text;
      pending = true;
      meter.arrived(applied, changed);
    },
    isPending: () => pending,
    async tend() {
      const now = clock.nowMs();
      if (wanted === undefined || now < notBeforeMs) return false;
      let isFull = now >= fullDueMs;
      if (!isFull && now >= glanceDueMs) isFull = !(await glance());
      if (!isFull && !pending && now < againDueMs) return false;
      await sync(wanted, isFull ? 'full' : 'delta');
      return true;
    },
    dueMs() {
      if (wanted === undefined) return Number.POSITIVE_INFINITY;
      const due = pending ? 0 : Math.min(fullDueMs, glanceDueMs, againDueMs);
      return Math.max(due, notBeforeMs);
    },
  };
}
