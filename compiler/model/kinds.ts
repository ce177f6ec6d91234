import type { Diagnostic } from '../values/diagnostic.ts';
import type { ClusterName } from '../values/names.ts';
import type { ObjectRef } from '../values/object-ref.ts';
import { type ClusterProperty, parseClusterProperty } from './cluster-property.ts';
import { type EndpointSlice, parseEndpointSlice } from './endpoint-slice.ts';
import { type Fields, textOf } from './fields.ts';
import { refOf } from './metadata.ts';
import { type MultiClusterService, parseMultiClusterService } from './multi-cluster-service.ts';
import { type Node, parseNode } from './node.ts';
import { parseService, type Service } from './service.ts';
import { parseServiceExport, type ServiceExport } from './service-export.ts';
import { parseServiceImport, type ServiceImport } from './service-import.ts';

/** One object of a kind that we know. */
export type ModelObject =
  | { readonly kind: 'Service'; readonly value: Service }
  | { readonly kind: 'EndpointSlice'; readonly value: EndpointSlice }
  | { readonly kind: 'Node'; readonly value: Node }
  | { readonly kind: 'ServiceExport'; readonly value: ServiceExport }
  | { readonly kind: 'ServiceImport'; readonly value: ServiceImport }
  | { readonly kind: 'MultiClusterService'; readonly value: MultiClusterService }
  | { readonly kind: 'ClusterProperty'; readonly value: ClusterProperty };

type Parse = (
  object: Fields,
  cluster: ClusterName | undefined,
  diagnostics: Diagnostic[],
  proxyName?: string,
) => ModelObject | undefined;

function parserOf<K extends ModelObject['kind']>(
  kind: K,
  parse: (
    object: Fields,
    cluster: ClusterName | undefined,
    diagnostics: Diagnostic[],
    proxyName?: string,
  ) => Extract<ModelObject, { kind: K }>['value'] | undefined,
): Parse {
  return (object, cluster, diagnostics, proxyName) => {
    const value = parse(object, cluster, diagnostics, proxyName);
    return value === undefined ? undefined : ({ kind, value } as ModelObject);
  };
}

/** By `apiVersion kind`: a Service of another group is another kind. */
const parsers = new Map<string, Parse>([
  ['v1 Service', parserOf('Service', parseService)],
  ['discovery.k8s.io/v1 EndpointSlice', parserOf('EndpointSlice', parseEndpointSlice)],
  ['v1 Node', parserOf('Node', parseNode)],
  ['multicluster.x-k8s.io/v1alpha1 ServiceExport', parserOf('ServiceExport', parseServiceExport)],
  ['multicluster.x-k8s.io/v1beta1 ServiceExport', parserOf('ServiceExport', parseServiceExport)],
  ['multicluster.x-k8s.io/v1alpha1 ServiceImport', parserOf('ServiceImport', parseServiceImport)],
  ['multicluster.x-k8s.io/v1beta1 ServiceImport', parserOf('ServiceImport', parseServiceImport)],
  ['networking.karmada.io/v1alpha1 MultiClusterService', parserOf('MultiClusterService', parseMultiClusterService)],
  ['about.k8s.io/v1alpha1 ClusterProperty', parserOf('ClusterProperty', parseClusterProperty)],
  ['about.k8s.io/v1beta1 ClusterProperty', parserOf('ClusterProperty', parseClusterProperty)],
]);

/** Kinds without namespaces. */
const clusterScoped: ReadonlySet<string> = new Set(['Node', 'ClusterProperty']);

/** `discovery.k8s.io/v1 EndpointSlice`; undefined for what is no Kubernetes object. */
export function typeText(object: Fields): string | undefined {
  const apiVersion = textOf(object, 'apiVersion');
  const kind = textOf(object, 'kind');
  return apiVersion === undefined || kind === undefined ? undefined : `${apiVersion} ${kind}`;
}

export function isKnown(raw: Fields): boolean {
  return parsers.has(typeText(raw) ?? '');
}

/**
 * Parses one object; undefined, without a word, for a kind that we do not know.
 *
 * proxyName   Settings.serviceProxyName
 */
export function parseObject(
  raw: Fields,
  cluster: ClusterName | undefined,
  diagnostics: Diagnostic[],
  proxyName?: string,
): ModelObject | undefined {
  return parsers.get(typeText(raw) ?? '')?.(raw, cluster, diagnostics, proxyName);
}

/** What an object is the same object by, within its cluster; undefined for kinds that we do not know. */
export function identify(raw: Fields): string | undefined {
  const kind = textOf(raw, 'kind');
  if (kind === undefined || !isKnown(raw)) return undefined;
  const ref = refOf(raw, kind, undefined);
  return identityOf(clusterScoped.has(kind) ? ref : { namespace: 'default', ...ref });
}

/** Not formatObjectRef, which cuts long names. */
export function identityOf({ kind, namespace = '', name }: ObjectRef): string {
  return `${kind}\n${namespace}\n${name}`;
}
