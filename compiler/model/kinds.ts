import type { Diagnostic } from '../values/diagnostic.ts';
import type { ClusterName } from '../values/names.ts';
import { oneText } from '../values/one-text.ts';
import { type ClusterProperty, parseClusterProperty } from './cluster-property.ts';
import { type EndpointSlice, parseEndpointSlice } from './endpoint-slice.ts';
import { asFields, type Fields, textOf } from './fields.ts';
import { type Lease, parseLease } from './lease.ts';
import { givenName } from './metadata.ts';
import { type MultiClusterService, parseMultiClusterService } from './multi-cluster-service.ts';
import { type Node, parseNode } from './node.ts';
import { parseService, type Service } from './service.ts';
import { parseServiceExport, type ServiceExport } from './service-export.ts';
import { parseServiceImport, type ServiceImport } from './service-import.ts';

/** One object of a kind that rules are made from. */
export type ModelObject =
  | { readonly kind: 'Service'; readonly value: Service }
  | { readonly kind: 'EndpointSlice'; readonly value: EndpointSlice }
  | { readonly kind: 'Node'; readonly value: Node }
  | { readonly kind: 'ServiceExport'; readonly value: ServiceExport }
  | { readonly kind: 'ServiceImport'; readonly value: ServiceImport }
  | { readonly kind: 'MultiClusterService'; readonly value: MultiClusterService }
  | { readonly kind: 'ClusterProperty'; readonly value: ClusterProperty };

/**
 * One object of a known kind. A Lease matters to an agent, which learns from it whether a cluster is alive, but not to
 * a compiler.
 */
export type KnownObject = ModelObject | { readonly kind: 'Lease'; readonly value: Lease };

export type KnownKind = KnownObject['kind'];

/** Identifies an object within its cluster, whatever its API version. Texts are kept as they were given. */
export interface ObjectId<K extends KnownKind = KnownKind> {
  readonly kind: K;
  /** Empty for kinds without namespaces. */
  readonly namespace: string;
  readonly name: string;
}

/** JSON of a known kind; its other fields have not been read yet. */
export interface Recognised<K extends KnownKind = KnownKind> {
  readonly id: ObjectId<K>;
  readonly fields: Fields;
}

/** The result of parsing an object's JSON. */
export interface Parsed<K extends KnownKind = KnownKind> {
  /** undefined: the object is so bad that no part of it is used. */
  readonly object: Extract<KnownObject, { kind: K }> | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

type Parse = (
  object: Fields,
  cluster: ClusterName | undefined,
  diagnostics: Diagnostic[],
  proxyName?: string,
) => KnownObject | undefined;

interface Kind {
  readonly kind: KnownKind;
  readonly parse: Parse;
}

function kindOf<K extends KnownKind>(
  kind: K,
  parse: (
    object: Fields,
    cluster: ClusterName | undefined,
    diagnostics: Diagnostic[],
    proxyName?: string,
  ) => Extract<KnownObject, { kind: K }>['value'] | undefined,
): Kind {
  return {
    kind,
    parse: (object, cluster, diagnostics, proxyName) => {
      const value = parse(object, cluster, diagnostics, proxyName);
      return value === undefined ? undefined : ({ kind, value } as KnownObject);
    },
  };
}

/** By `apiVersion kind`: a Service of another group is another kind. */
const kinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['v1 Service', kindOf('Service', parseService)],
  ['discovery.k8s.io/v1 EndpointSlice', kindOf('EndpointSlice', parseEndpointSlice)],
  ['v1 Node', kindOf('Node', parseNode)],
  ['multicluster.x-k8s.io/v1alpha1 ServiceExport', kindOf('ServiceExport', parseServiceExport)],
  ['multicluster.x-k8s.io/v1beta1 ServiceExport', kindOf('ServiceExport', parseServiceExport)],
  ['multicluster.x-k8s.io/v1alpha1 ServiceImport', kindOf('ServiceImport', parseServiceImport)],
  ['multicluster.x-k8s.io/v1beta1 ServiceImport', kindOf('ServiceImport', parseServiceImport)],
  ['networking.karmada.io/v1alpha1 MultiClusterService', kindOf('MultiClusterService', parseMultiClusterService)],
  ['about.k8s.io/v1alpha1 ClusterProperty', kindOf('ClusterProperty', parseClusterProperty)],
  ['about.k8s.io/v1beta1 ClusterProperty', kindOf('ClusterProperty', parseClusterProperty)],
  ['coordination.k8s.io/v1 Lease', kindOf('Lease', parseLease)],
]);

const clusterScoped: ReadonlySet<KnownKind> = new Set(['Node', 'ClusterProperty']);

/** `discovery.k8s.io/v1 EndpointSlice`; undefined for anything that is no Kubernetes object. */
export function typeText(object: Fields): string | undefined {
  const apiVersion = textOf(object, 'apiVersion');
  const kind = textOf(object, 'kind');
  return apiVersion === undefined || kind === undefined ? undefined : `${apiVersion} ${kind}`;
}

/** The types with the same group and kind that slicewright reads: `discovery.k8s.io/v1 EndpointSlice`. */
export function versionsRead(type: string): readonly string[] {
  const other = unversioned(type);
  return [...kinds.keys()].filter((known) => unversioned(known) === other);
}

/** `discovery.k8s.io EndpointSlice`. */
function unversioned(type: string): string {
  return type.replace(/^([^ /]+)\/[^ /]+ |^[^ /]+ /, '$1 ');
}

/** Which object this is; undefined, without a diagnostic, for objects of unknown kinds. */
export function recognise(raw: unknown): Recognised | undefined {
  const fields = asFields(raw);
  const kind = fields && kinds.get(typeText(fields) ?? '')?.kind;
  if (fields === undefined || kind === undefined) return undefined;
  const metadata = asFields(fields.metadata) ?? {};
  const namespace = clusterScoped.has(kind) ? '' : (textOf(metadata, 'namespace') ?? 'default');
  return { fields, id: { kind, namespace, name: givenName(metadata) } };
}

/** What nearly every object gets. */
const noDiagnostics: readonly Diagnostic[] = [];

/**
 * Parses an object. This happens once: only the result travels on.
 *
 * cluster     its name inside the compiler; undefined: the local cluster
 * proxyName   Settings.serviceProxyName
 */
export function parse<K extends KnownKind>(
  { fields }: Recognised<K>,
  cluster: ClusterName | undefined,
  proxyName: string | undefined,
): Parsed<K> {
  const diagnostics: Diagnostic[] = [];
  const object = kinds.get(typeText(fields) ?? '')?.parse(fields, cluster, diagnostics, proxyName);
  return { object: object as Parsed<K>['object'], diagnostics: diagnostics.length === 0 ? noDiagnostics : diagnostics };
}

/** Whether it is of a kind that rules are made from. */
export function isForRules(recognised: Recognised): recognised is Recognised<ModelObject['kind']> {
  return recognised.id.kind !== 'Lease';
}

/** Unique within a cluster. Unlike formatObjectRef, it does not cut long names. */
export function textOfId({ kind, namespace, name }: ObjectId): string {
  return oneText([kind, namespace, name], '\n');
}
