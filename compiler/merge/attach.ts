import type { EndpointSlice } from '../model/endpoint-slice.ts';
import { type ClusterName, type ServiceKey, serviceKey } from '../values/names.ts';
import type { MergeFacts } from './facts.ts';
import { type Source, sourceOf } from './source.ts';

/** A slice that feeds a Service, and where its endpoints run. */
export interface AttachedSlice {
  readonly slice: EndpointSlice;
  readonly source: Source;
}

/**
 * The Service that a slice feeds, by its label alone: neither its name nor its owner says (MR-3, MR-5). The Service
 * need not exist (MR-6). undefined: none, or another proxy's.
 */
export function serviceOf(slice: EndpointSlice): ServiceKey | undefined {
  return slice.hidden || slice.serviceName === undefined ? undefined : serviceKey(slice.namespace, slice.serviceName);
}

/** A slice of our own cluster's, with its source. */
export function attachOwn(slice: EndpointSlice, facts: Pick<MergeFacts, 'own' | 'knownClusters'>): AttachedSlice {
  return { slice, source: sourceOf(slice, facts) };
}

/**
 * A slice among another cluster's own objects, of a Service that it exports. Only what runs there counts: what that
 * cluster got from others reaches us from those others.
 */
export function attachExported(slice: EndpointSlice, cluster: ClusterName): AttachedSlice | undefined {
  if (sourceOf(slice, { own: cluster, knownClusters: [] }).kind === 'remote') return undefined;
  const source: Source = {
    kind: 'remote',
    cluster,
    reason: { rule: 'MR-3', text: `exported by ${cluster}` },
    doubt: undefined,
  };
  return { slice, source };
}
