import type { EndpointSlice } from '../model/endpoint-slice.ts';
import type { ClusterModel } from '../model/objects.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { type ClusterName, type ServiceKey, serviceKey } from '../values/names.ts';
import type { MergeFacts } from './facts.ts';
import { type Source, sourceOf } from './source.ts';

/** A slice that feeds a Service, and where its endpoints run. */
export interface AttachedSlice {
  readonly slice: EndpointSlice;
  readonly source: Source;
}

/**
 * The Service that a slice of our own cluster feeds, by its label alone: neither its name nor its owner says (MR-3, MR-5).
 * undefined: none, or not for us.
 */
export function serviceOf(slice: EndpointSlice): ServiceKey | undefined {
  return slice.hidden || slice.serviceName === undefined ? undefined : serviceKey(slice.namespace, slice.serviceName);
}

/**
 * Every Service's slices: the own cluster's first, then other clusters' in order of their names; of each in order of
 * slice name. Services need not exist (MR-6).
 *
 * models  our own cluster's first, then by cluster
 */
export function attachSlices(
  models: readonly ClusterModel[],
  facts: Pick<MergeFacts, 'own' | 'knownClusters'>,
  diagnostics: Diagnostic[],
): Map<ServiceKey, AttachedSlice[]> {
  const attached = new Map<ServiceKey, AttachedSlice[]>();
  for (const { cluster, slices: candidates, exports } of models) {
    const exported = new Set(exports.map(({ key }) => key));
    for (const slice of candidates) {
      const key = serviceOf(slice);
      if (key === undefined) {
        if (cluster === undefined) reportUnattached(slice, diagnostics);
        continue;
      }
      if (cluster !== undefined && !exported.has(key)) continue;
      const source = cluster === undefined ? sourceOf(slice, facts) : sourceElsewhere(slice, cluster);
      if (source === undefined) continue;
      const slices = attached.get(key);
      if (slices === undefined) attached.set(key, [{ slice, source }]);
      else slices.push({ slice, source });
    }
  }
  return attached;
}

/**
 * Of another cluster's exported slices (KEP-1645: a Service is offered by its own cluster's word) only those of what
 * runs there count: what it got from others reaches us from those others.
 */
function sourceElsewhere(slice: EndpointSlice, cluster: ClusterName): Source | undefined {
  if (sourceOf(slice, { own: cluster, knownClusters: [] }).kind === 'remote') return undefined;
  return { kind: 'remote', cluster, reason: { rule: 'MR-3', text: `exported by ${cluster}` }, doubt: undefined };
}

function reportUnattached(slice: EndpointSlice, diagnostics: Diagnostic[]): void {
  if (slice.hidden) return;
  const message = 'names no Service (label kubernetes.io/service-name); its endpoints are not used';
  diagnostics.push({ severity: 'info', code: 'slice-unattached', object: slice.ref, message });
}
