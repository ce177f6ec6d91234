import type { Family } from '../../compiler/values/address.ts';
import { compareText } from '../../compiler/values/names.ts';

/** The times of one family's syncs; undefined: never. */
interface FamilyHealth {
  /** Time of day. */
  updatedMs: number | undefined;
  /** Since when a change waits to be applied, by the monotonic clock. */
  pendingMs: number | undefined;
}

export interface ProxyHealth {
  /** A change waits for a sync. */
  queued(family: Family): void;
  /** A sync has begun its work or has ended well. */
  updated(family: Family): void;
  /** Why the first program is not written; undefined: it is written. */
  held(why: string | undefined): void;
  nodeChanged(node: { readonly deleted: boolean; readonly taintKeys: readonly string[] }): void;
  healthz(): HealthAnswer;
  livez(): HealthAnswer;
  isHealthy(): boolean;
}

export interface HealthAnswer {
  readonly status: 200 | 503;
  readonly body: string;
}

/** A node that the autoscaler is about to delete gets no new traffic from load balancers. */
const goingTaint = 'ToBeDeletedByClusterAutoscaler';

/**
 * Whether this proxy keeps up with changes, judged as kube-proxy judges it: a family is healthy
 * unless a change has waited for longer than twice the sync period; the node is eligible for
 * load balancers unless it is being deleted. `/livez` ignores the node's state: restarting the
 * proxy would not help it. It also ignores a first program that is held back: until an operator decides, the previous
 * rules are in force, and `/healthz` says why.
 *
 * The waiting time is measured by the monotonic clock, so a jump of the time of day neither makes a family unhealthy nor
 * hides that it is. Answers show times of day.
 *
 * wallMs   the time of day; absent: the same clock
 * source   IPT-24.2, in the structured form of v1.34
 */
export function createProxyHealth(
  { nowMs, wallMs = nowMs }: { readonly nowMs: () => number; readonly wallMs?: () => number },
  syncPeriodMs: number,
): ProxyHealth {
  const families = new Map<Family, FamilyHealth>();
  let eligible = true;
  let heldBack: string | undefined;

  const of = (family: Family): FamilyHealth => {
    const known = families.get(family) ?? { updatedMs: undefined, pendingMs: undefined };
    families.set(family, known);
    return known;
  };
  // A restart does not help while an operator's decision is needed.
  const isLate = ({ pendingMs }: FamilyHealth): boolean =>
    heldBack === undefined && pendingMs !== undefined && nowMs() - pendingMs >= 2 * syncPeriodMs;
  const isHealthy = (): boolean => ![...families.values()].some(isLate);

  function answer(withNode: boolean): HealthAnswer {
    const now = wallMs();
    const healthy = isHealthy();
    const late = [...families.values()].filter(isLate).map(({ updatedMs }) => updatedMs ?? 0);
    const status = Object.fromEntries(
      [...families]
        .sort(([a], [b]) => compareText(a, b))
        .map(([family, health]) => [family, { lastUpdated: time(health.updatedMs ?? 0), healthy: !isLate(health) }]),
    );
    const good = healthy && (!withNode || (eligible && heldBack === undefined));
    const body = {
      lastUpdated: time(late.length === 0 ? now : Math.min(...late)),
      currentTime: time(now),
      ...(withNode ? { nodeEligible: eligible } : {}),
      healthy: good,
      ...(heldBack !== undefined && { held: heldBack }),
      status,
    };
    return { status: good ? 200 : 503, body: JSON.stringify(body) };
  }

  return {
    queued(family) {
      of(family).pendingMs ??= nowMs();
    },
    updated(family) {
      Object.assign(of(family), { pendingMs: undefined, updatedMs: wallMs() });
    },
    held(why) {
      heldBack = why;
    },
    nodeChanged({ deleted, taintKeys }) {
      eligible = !deleted && !taintKeys.includes(goingTaint);
    },
    healthz: () => answer(true),
    livez: () => answer(false),
    isHealthy,
  };
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
