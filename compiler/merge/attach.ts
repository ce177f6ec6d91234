import type { EndpointSlice } from '../model/endpoint-slice.ts';
import type { MultiClusterService } from '../model/multi-cluster-service.ts';
import type { PublishedPort } from '../model/slice-annotations.ts';
import { idOf } from '../registry/registry.ts';
import { type ClusterName, importKey, type ServiceKey, serviceKey } from '../values/names.ts';
import { unreachable } from '../values/unreachable.ts';
import type { Consent, Offer } from './consent.ts';
import type { MergeFacts, NameFacts } from './facts.ts';
import { type Source, sourceOf } from './source.ts';

/** A slice that feeds a Service, and where its endpoints run. */
export interface AttachedSlice {
  readonly slice: EndpointSlice;
  readonly source: Source;
  /** Applies to each of its endpoints. */
  readonly weight: number;
  /** Ports of the Service in the slice's cluster; undefined: not known (MR-30). */
  readonly servicePorts: readonly PublishedPort[] | undefined;
}

/**
 * The Service that a slice feeds, by its labels alone: neither its name nor its owner counts (MR-5). A ServiceImport's
 * label counts only where there is no Service's name, never both (MR-3). The Service need not exist (MR-6). undefined:
 * none, or another proxy's.
 */
export function serviceOf({ hidden, namespace, serviceName, importName }: EndpointSlice): ServiceKey | undefined {
  if (hidden) return undefined;
  if (serviceName !== undefined) return serviceKey(namespace, serviceName);
  return importName && importKey(serviceKey(namespace, importName));
}

/** A slice in the local cluster, with its source. */
export function attachOwn(slice: EndpointSlice, facts: NameFacts): AttachedSlice {
  const source = sourceOf(slice, facts);
  // Only an exporter writes Service ports on slices in the local cluster: slicewright's controller does not.
  const wasExported = source.kind === 'remote' || source.how === 'returned';
  const servicePorts = wasExported ? slice.servicePorts : undefined;
  // The dispatcher copied what the other cluster wrote: such a weight may drain, but not outweigh other endpoints.
  const weight = source.kind === 'remote' ? Math.min(slice.weight, 1) : slice.weight;
  return { slice, source, weight, servicePorts };
}

/**
 * A slice of a local Service that stands in for that Service's part of a ServiceImport (MR-16); undefined for a slice
 * whose endpoints are not the local cluster's pods. The local Service may have lost a conflict like any exporter's, so
 * its ports count (MR-30).
 */
export function attachStandIn(
  slice: EndpointSlice,
  servicePorts: readonly PublishedPort[] | undefined,
  facts: NameFacts,
): AttachedSlice | undefined {
  const attached = attachOwn(slice, facts);
  if (attached.source.kind === 'remote') return undefined;
  const reason = { rule: 'MR-16', text: `of the local Service ${slice.namespace}/${slice.serviceName ?? ''}` };
  return { ...attached, source: { ...attached.source, reason }, servicePorts };
}

/**
 * Why another cluster's own objects count here: that cluster offers the endpoints, and the local cluster accepts them.
 */
export interface Grant {
  readonly offer: Offer;
  readonly consent: Consent;
}

function grantText(cluster: ClusterName, { offer, consent }: Grant): string {
  const offered = offer === 'exported' ? `exported by ${cluster}` : `${cluster} provides it to this cluster`;
  switch (consent) {
    case 'multi-cluster-service':
      return `${cluster} provides it to this cluster by a local MultiClusterService`;
    case 'import':
      return `${offered}; the local ServiceImport accepts it`;
    case 'annotation':
      return `${offered}; the Service accepts it (slicewright.dev/accept-clusters)`;
    case 'registry':
      return `${offered}; the registry accepts it (mayServe)`;
    default:
      return unreachable(consent);
  }
}

/** By the text that says why. Clusters are those that this program reads, so there are few: their slices share one value each. */
const grantedSources = new Map<string, Source>();

function grantedSource(cluster: ClusterName, grant: Grant): Source {
  const text = grantText(cluster, grant);
  const made = grantedSources.get(text);
  if (made?.kind === 'remote' && made.cluster === cluster) return made;
  const source: Source = { kind: 'remote', cluster, reason: { rule: 'MR-3', text }, doubt: undefined };
  grantedSources.set(text, source);
  return source;
}

/**
 * A slice among another cluster's own objects. Only endpoints that run in that cluster count: endpoints of third
 * clusters come directly from those clusters. The cluster may withdraw its endpoints by weight 0, but not outweigh
 * other clusters'.
 */
export function attachProvided(
  slice: EndpointSlice,
  cluster: ClusterName,
  grant: Grant,
  servicePorts: readonly PublishedPort[] | undefined,
  { registry }: Pick<MergeFacts, 'registry'>,
): AttachedSlice | undefined {
  if (sourceOf(slice, { own: cluster, knownClusters: [], registry }).kind === 'remote') return undefined;
  const source = grantedSource(cluster, grant);
  return { slice, source, weight: Math.min(slice.weight, 1), servicePorts };
}

/** Whether a MultiClusterService makes a cluster's endpoints local ones too. An empty list means all clusters. */
export function isProvided(
  { isCrossCluster, providers, consumers }: MultiClusterService,
  provider: ClusterName,
  { own, registry }: NameFacts,
): boolean {
  const names = (list: readonly ClusterName[], cluster: ClusterName | undefined): boolean =>
    list.length === 0 || list.some((name) => idOf(registry, name) === cluster);
  return isCrossCluster && names(providers, provider) && names(consumers, own);
}
