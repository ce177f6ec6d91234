import type { EndpointRecord } from '../../compiler/merge/record.ts';
import { formatObjectRef } from '../../compiler/values/object-ref.ts';

/**
 * What is made of endpoints, per source cluster (OB-1):
 *
 *   used       gets new connections on this node
 *   excluded   ready or serving, but a policy or topology keeps it out
 *   unready    cannot take connections
 *   duplicate  another slice, of this cluster or another, has the same endpoint
 *   refused    not believed: a local address, or one that its cluster cannot have
 */
export const endpointStates = ['used', 'excluded', 'unready', 'duplicate', 'refused'] as const;
export type EndpointState = (typeof endpointStates)[number];

/** By cluster's name, `local` for the own one. */
export type EndpointCounts = ReadonlyMap<string, Readonly<Record<EndpointState, number>>>;

export function countEndpoints(records: readonly EndpointRecord[]): EndpointCounts {
  const counts = new Map<string, Record<EndpointState, number>>();
  for (const record of records) {
    // Of another port, by which it is counted.
    if (record.leftOut === 'no such port') continue;
    const cluster = record.cluster ?? 'local';
    const of = counts.get(cluster) ?? { used: 0, excluded: 0, unready: 0, duplicate: 0, refused: 0 };
    counts.set(cluster, of);
    of[stateOf(record)]++;
  }
  return counts;
}

/** Slices that give a Service endpoints, used or not. */
export function countSlices(records: readonly EndpointRecord[]): ReadonlyMap<string, number> {
  const slices = new Map<string, Set<string>>();
  for (const { cluster = 'local', slice } of records) {
    const of = slices.get(cluster) ?? new Set();
    slices.set(cluster, of);
    of.add(formatObjectRef(slice));
  }
  return new Map([...slices].map(([cluster, of]) => [cluster, of.size]));
}

function stateOf({ inPools, weight, ready, serving, leftOut }: EndpointRecord): EndpointState {
  if (leftOut === 'duplicate' || leftOut === 'refused') return leftOut;
  if ((inPools.cluster && weight > 0) || inPools.local) return 'used';
  return ready || serving ? 'excluded' : 'unready';
}
