import type { EndpointRecord } from '../../compiler/merge/record.ts';
import type { ObjectRef } from '../../compiler/values/object-ref.ts';

/**
 * The states of endpoints, per source cluster (OB-1):
 *
 *   used       gets new connections on this node
 *   excluded   ready or serving, but a policy or topology keeps it out
 *   unready    cannot take connections
 *   duplicate  another slice, of this cluster or another, has the same endpoint
 *   refused    rejected: a local address, or one that its cluster cannot have
 */
export const endpointStates = ['used', 'excluded', 'unready', 'duplicate', 'refused'] as const;
export type EndpointState = (typeof endpointStates)[number];

/** By cluster's name, `local` for the local cluster. */
export type EndpointCounts = ReadonlyMap<string, Readonly<Record<EndpointState, number>>>;

/** Endpoint records, Service by Service. */
type Seen = Iterable<{ readonly endpoints: readonly EndpointRecord[] }>;

export function countEndpoints(services: Seen): EndpointCounts {
  const counts = new Map<string, Record<EndpointState, number>>();
  for (const { endpoints } of services) {
    for (const record of endpoints) {
      // The record is counted at the port that it belongs to.
      if (record.leftOut === 'no such port') continue;
      const cluster = record.cluster ?? 'local';
      let of = counts.get(cluster);
      if (of === undefined) counts.set(cluster, (of = { used: 0, excluded: 0, unready: 0, duplicate: 0, refused: 0 }));
      of[stateOf(record)]++;
    }
  }
  return counts;
}

/** Slices that give a Service endpoints, used or not. A slice is parsed once, so all its records share one name object. */
export function countSlices(services: Seen): ReadonlyMap<string, number> {
  const slices = new Map<string, Set<ObjectRef>>();
  let last: ObjectRef | undefined;
  for (const { endpoints } of services) {
    for (const { cluster = 'local', slice } of endpoints) {
      if (slice === last) continue;
      last = slice;
      const of = slices.get(cluster);
      if (of === undefined) slices.set(cluster, new Set([slice]));
      else of.add(slice);
    }
  }
  return new Map([...slices].map(([cluster, of]) => [cluster, of.size]));
}

function stateOf({ inPools, weight, ready, serving, leftOut }: EndpointRecord): EndpointState {
  if (leftOut === 'duplicate' || leftOut === 'refused') return leftOut;
  if ((inPools.cluster && weight > 0) || inPools.local) return 'used';
  return ready || serving ? 'excluded' : 'unready';
}
