import type { EndpointRecord } from '../compiler/merge/record.ts';

/**
 * What is made of endpoints, per source cluster:
 *
 *   used       gets new connections on this node
 *   excluded   ready or serving, but a policy, topology or duplicate keeps it out
 *   unready    cannot take connections
 */
export const endpointStates = ['used', 'excluded', 'unready'] as const;
export type EndpointState = (typeof endpointStates)[number];

/** By cluster's name, `local` for the own one. */
export type EndpointCounts = ReadonlyMap<string, Readonly<Record<EndpointState, number>>>;

export function countEndpoints(records: readonly EndpointRecord[]): EndpointCounts {
  const counts = new Map<string, Record<EndpointState, number>>();
  for (const record of records) {
    const cluster = record.cluster ?? 'local';
    const of = counts.get(cluster) ?? { used: 0, excluded: 0, unready: 0 };
    counts.set(cluster, of);
    of[stateOf(record)]++;
  }
  return counts;
}

function stateOf({ inPools, weight, ready, serving }: EndpointRecord): EndpointState {
  if ((inPools.cluster && weight > 0) || inPools.local) return 'used';
  return ready || serving ? 'excluded' : 'unready';
}
