import type { PortChanges } from '../../compiler/engine.ts';
import type { Compiler, Subject } from '../../compiler/incremental.ts';
import { textOfId } from '../../compiler/model/kinds.ts';
import type { ServiceKey } from '../../compiler/values/names.ts';
import { oneText } from '../../compiler/values/one-text.ts';
import type { Clock } from './clock.ts';
import type { Arrival } from '../sources/board.ts';

/** A change that was applied. */
export interface AppliedChange {
  readonly arrival: Arrival;
  /** The Service or node that the change is about. */
  readonly subject: Subject;
}

/** Applies changes, and finds the subject of each. */
export function applyChanges(
  compiler: Pick<Compiler, 'apply' | 'subjectOf'>,
  arrivals: readonly Arrival[],
): { readonly ports: PortChanges; readonly applied: readonly AppliedChange[] } {
  // The subject of a deleted object is known only before the change, that of a new object only after it.
  const going = new Map(arrivals.filter(({ gone }) => gone).map((arrival) => [arrival, compiler.subjectOf(arrival)]));
  const ports = compiler.apply(arrivals);
  // If nothing changed, the subjects are not needed.
  if (ports.size === 0) return { ports, applied: [] };
  return {
    ports,
    applied: arrivals.map((arrival) => ({ arrival, subject: going.get(arrival) ?? compiler.subjectOf(arrival) })),
  };
}

/** The subjects of collected changes; an object that has been deleted meanwhile is left out, as no rule waits for it. */
export function subjectsOf(compiler: Pick<Compiler, 'subjectOf'>, arrivals: readonly Arrival[]): AppliedChange[] {
  return arrivals.filter(({ gone }) => !gone).map((arrival) => ({ arrival, subject: compiler.subjectOf(arrival) }));
}

/** How long changes took to come into force, in milliseconds. */
export interface Latencies {
  /** From the arrival of each change. */
  readonly programming: readonly number[];
  /** The same by the changed object's cluster: `local`, `member1`. */
  readonly byCluster: ReadonlyMap<string, readonly number[]>;
  /** From the event that made a slice change (a pod that became ready), as its controller stamped it. */
  readonly network: readonly number[];
}

/** Changes on their way into one family's kernel. */
export interface LatencyMeter {
  /** changed: the Services of this family whose meaning the changes altered; other changes bring no rule into force. */
  arrived(applied: readonly AppliedChange[], changed: ReadonlySet<ServiceKey>): void;
  /** Everything that arrived is in force. */
  inForce(): Latencies;
}

/** source: IPT-25, network_programming_duration_seconds */
export function createLatencyMeter({ nowMs, wallMs }: Pick<Clock, 'nowMs' | 'wallMs'>): LatencyMeter {
  const startedWallMs = wallMs();
  let arrivals: { readonly atMs: number; readonly cluster: string }[] = [];
  /** By slice. An entry goes with its slice: no rule comes into force for a deleted slice. */
  let triggers = new Map<string, number[]>();
  return {
    arrived(applied, changed) {
      for (const { arrival, subject } of applied) {
        const slice = sliceIn(arrival);
        if (slice !== undefined && arrival.gone) triggers.delete(slice);
        if (!Array.from(subject.services).some((service) => changed.has(service))) continue;
        arrivals.push({ atMs: arrival.atMs, cluster: subject.cluster ?? 'local' });
        const trigger = triggerOf(arrival);
        // Events before the agent's start say nothing about the agent's latency.
        if (slice === undefined || trigger === undefined || trigger < startedWallMs) continue;
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

function sliceIn({ id, cluster }: Arrival): string | undefined {
  return id.kind === 'EndpointSlice' ? oneText([cluster ?? '', textOfId(id)], ' ') : undefined;
}

/** Milliseconds since 1970. */
function triggerOf(arrival: Arrival): number | undefined {
  if (arrival.gone || arrival.object?.kind !== 'EndpointSlice') return undefined;
  return arrival.object.value.triggeredMs;
}
