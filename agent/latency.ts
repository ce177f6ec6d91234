import type { ObjectChange } from '../compiler/incremental.ts';
import { managedBy } from '../compiler/model/endpoint-slice.ts';
import { parseClusterName, type ServiceKey } from '../compiler/values/names.ts';
import type { Arrival } from './sources/board.ts';

/** How long changes took to come into force, in milliseconds. */
export interface Latencies {
  /** From the arrival of each change. */
  readonly programming: readonly number[];
  /** The same by the cluster that the change speaks of: `local`, `member1`. */
  readonly byCluster: ReadonlyMap<string, readonly number[]>;
  /** From what made a slice change (a pod that became ready), as its controller stamped it. */
  readonly network: readonly number[];
}

/** Changes on their way into one family's kernel. */
export interface LatencyMeter {
  /** changed: the Services of this family whose meaning the changes altered; others' changes bring nothing into force. */
  arrived(arrivals: readonly Arrival[], changed: ReadonlySet<ServiceKey>): void;
  /** All that arrived is in force. */
  inForce(): Latencies;
}

export interface MeterClock {
  /** Only goes forward. */
  readonly nowMs: () => number;
  /** The time of day, to which stamps of other machines are compared. */
  readonly wallMs: () => number;
}

/** source: IPT-25, network_programming_duration_seconds */
export function createLatencyMeter({ nowMs, wallMs }: MeterClock): LatencyMeter {
  const startedWallMs = wallMs();
  let arrivals: { readonly atMs: number; readonly cluster: string }[] = [];
  /** By slice: a slice that is deleted before its change is in force has nothing to wait for. */
  let triggers = new Map<string, number[]>();
  return {
    arrived(changes, changed) {
      for (const change of changes) {
        const { service, slice } = placeOf(change);
        if (service === undefined || !changed.has(service)) continue;
        arrivals.push({ atMs: change.atMs, cluster: clusterOf(change) });
        if (slice === undefined) continue;
        if (change.gone) triggers.delete(slice);
        const trigger = triggerTime(change);
        // What was caused before we began says nothing about us.
        if (trigger === undefined || trigger < startedWallMs || change.gone) continue;
        triggers.set(slice, [...(triggers.get(slice) ?? []), trigger]);
      }
    },
    inForce() {
      const now = nowMs();
      const wall = wallMs();
      const programming = arrivals.map(({ atMs }) => now - atMs);
      const byCluster = new Map<string, number[]>();
      for (const { atMs, cluster } of arrivals) {
        const known = byCluster.get(cluster);
        if (known === undefined) byCluster.set(cluster, [now - atMs]);
        else known.push(now - atMs);
      }
      const network = [...triggers.values()].flat().map((at) => Math.max(0, wall - at));
      arrivals = [];
      triggers = new Map();
      return { programming, byCluster, network };
    },
  };
}

interface Metadata {
  readonly namespace?: unknown;
  readonly name?: unknown;
  readonly labels?: Readonly<Record<string, unknown>> | null;
  readonly annotations?: Readonly<Record<string, unknown>> | null;
}

function metadataOf({ object }: ObjectChange): Metadata {
  return (object as { readonly metadata?: Metadata | null } | null)?.metadata ?? {};
}

function placeOf(change: ObjectChange): { readonly service?: ServiceKey; readonly slice?: string } {
  const { namespace, name, labels } = metadataOf(change);
  const { kind } = (change.object ?? {}) as { readonly kind?: unknown };
  if (kind !== 'EndpointSlice') return { service: `${String(namespace)}/${String(name)}` as ServiceKey };
  const service = labels?.['kubernetes.io/service-name'];
  const slice = `${change.cluster ?? ''} ${String(namespace)}/${String(name)}`;
  return { service: `${String(namespace)}/${String(service)}` as ServiceKey, slice };
}

/**
 * Good enough to measure by: whose a slice really is, compiler/merge/source.ts says. What the native controller
 * writes is of the cluster that told of it, whatever labels it copied.
 */
function clusterOf(change: ObjectChange): string {
  if (change.cluster !== undefined) return change.cluster;
  const { labels, annotations } = metadataOf(change);
  const isNative = labels?.['endpointslice.kubernetes.io/managed-by'] === managedBy.native;
  const mark =
    annotations?.['endpointslice.karmada.io/provision-cluster'] ??
    labels?.['multicluster.kubernetes.io/source-cluster'];
  return (isNative ? undefined : parseClusterName(mark)) ?? 'local';
}

/** Milliseconds since 1970. */
function triggerTime(change: ObjectChange): number | undefined {
  const stamp = metadataOf(change).annotations?.['endpoints.kubernetes.io/last-change-trigger-time'];
  const ms = typeof stamp === 'string' ? Date.parse(stamp) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
