import type { SliceEndpoint } from '../model/endpoint-slice.ts';
import type { ClusterName } from '../values/names.ts';
import type { AttachedSlice } from './attach.ts';
import type { MergeFacts } from './facts.ts';
import type { Locality, Reason } from './record.ts';

/** An endpoint of a slice, with only so much said of it as its source may say. */
export interface SourcedEndpoint {
  readonly from: AttachedSlice;
  readonly endpoint: SliceEndpoint;
  /** undefined: our own cluster. */
  readonly cluster: ClusterName | undefined;
  readonly locality: Locality;
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
  /** Why it must not be used; undefined: it may. */
  readonly refused: Reason | undefined;
}

const noHints: readonly string[] = [];

/**
 * What of a slice's endpoints we believe (MR-13 to MR-15). Node names are reused among clusters, so one in another
 * cluster's slice never means our node; hints were reckoned for that cluster's nodes, so they say nothing of ours.
 */
export function sanitise(from: AttachedSlice, facts: MergeFacts): SourcedEndpoint[] {
  const remote = from.source.kind === 'remote';
  const cluster = from.source.kind === 'remote' ? from.source.cluster : undefined;
  const believed = !remote || facts.compat;
  return from.slice.endpoints.map((endpoint) => {
    const onNode = believed && endpoint.nodeName !== undefined && endpoint.nodeName === facts.nodeName;
    return {
      from,
      endpoint,
      cluster,
      locality: onNode ? 'node' : remote ? 'remote' : 'cluster',
      zoneHints: believed ? endpoint.zoneHints : noHints,
      nodeHints: believed ? endpoint.nodeHints : noHints,
      refused: refusalOf(endpoint, remote, facts),
    };
  });
}

/** Special addresses are refused from anyone; addresses of ours only from other clusters (pods can share their node's). */
function refusalOf(endpoint: SliceEndpoint, remote: boolean, facts: MergeFacts): Reason | undefined {
  if (endpoint.special !== undefined) return { rule: 'MR-15', text: `refused: ${endpoint.special} address` };
  if (!remote || facts.compat) return undefined;
  const reserved = facts.reserved(endpoint.address);
  return reserved && { rule: 'MR-15', text: `refused: another cluster claims a ${reserved} of ours` };
}
