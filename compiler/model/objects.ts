import { canonicalJson } from '../values/canonical-json.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { type ClusterName, compareText } from '../values/names.ts';
import { formatObjectRef, type ObjectRef } from '../values/object-ref.ts';
import { type ClusterProperty, parseClusterProperty } from './cluster-property.ts';
import { type EndpointSlice, parseEndpointSlice } from './endpoint-slice.ts';
import { asFields, type Fields, show, textOf } from './fields.ts';
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
function typeOf(object: Fields): { readonly apiVersion: string; readonly kind: string } | undefined {
  const apiVersion = textOf(object, 'apiVersion');
  const kind = textOf(object, 'kind');
  return apiVersion === undefined || kind === undefined ? undefined : { apiVersion, kind };
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
  const type = typeOf(raw);
  return type && parsers.get(`${type.apiVersion} ${type.kind}`)?.(raw, cluster, diagnostics, proxyName);
}

/** What an object is the same object by, within its cluster; undefined for kinds that we do not know. */
export function identify(raw: Fields): string | undefined {
  const type = typeOf(raw);
  if (type === undefined || !parsers.has(`${type.apiVersion} ${type.kind}`)) return undefined;
  const ref = refOf(raw, type.kind, undefined);
  return identityOf(clusterScoped.has(type.kind) ? ref : { namespace: 'default', ...ref });
}

/** Not formatObjectRef, which cuts long names. */
function identityOf({ kind, namespace = '', name }: ObjectRef): string {
  return `${kind}\n${namespace}\n${name}`;
}

/** All objects of one cluster: lists expanded, each parsed, unknown kinds noted, repeated objects settled. */
export function parseCluster(
  cluster: ClusterName | undefined,
  raws: readonly unknown[],
  diagnostics: Diagnostic[],
  proxyName?: string,
): ModelObject[] {
  const unknown = new Map<string, Fields[]>();
  const known = new Map<string, Parsed[]>();
  for (const raw of expandLists(raws, cluster, diagnostics)) {
    const type = typeOf(raw);
    const typeText = type === undefined ? '' : `${type.apiVersion} ${type.kind}`;
    if (!parsers.has(typeText)) {
      addTo(unknown, typeText, raw);
      continue;
    }
    const object = parseObject(raw, cluster, diagnostics, proxyName);
    if (object !== undefined) addTo(known, identityOf(object.value.ref), { raw, object });
  }
  reportUnknown(unknown, cluster, diagnostics);
  return [...known.values()].map((copies) => chooseCopy(copies, diagnostics));
}

function addTo<T>(groups: Map<string, T[]>, key: string, item: T): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [item]);
  else group.push(item);
}

/** Deeper nesting than anyone writes; a YAML alias can make a list its own item. */
const listDepth = 8;

function expandLists(
  raws: readonly unknown[],
  cluster: ClusterName | undefined,
  diagnostics: Diagnostic[],
  depth = 0,
): Fields[] {
  const objects: Fields[] = [];
  for (const raw of raws) {
    if (raw === null || raw === undefined) continue; // an empty YAML document
    const fields = asFields(raw);
    if (fields === undefined) {
      reportNoObject(raw, cluster, diagnostics);
      continue;
    }
    const itemKind = /^(\w*)List$/.exec(textOf(fields, 'kind') ?? '')?.[1];
    if (itemKind === undefined || !Array.isArray(fields.items)) {
      // An empty list's items may be null.
      if (itemKind === undefined || !('items' in fields)) objects.push(fields);
    } else if (depth < listDepth) {
      const items = fields.items.map((item) => withType(item, itemKind, fields.apiVersion));
      for (const object of expandLists(items, cluster, diagnostics, depth + 1)) objects.push(object);
    } else {
      const message = `lists are nested more than ${listDepth} deep; the inner ones are left out`;
      const object = refOf(fields, `${itemKind}List`, cluster);
      diagnostics.push({ severity: 'error', code: 'deep-list', object, message });
    }
  }
  return objects;
}

/** Items of a `ServiceList` as the API server writes them have no kind of their own. */
function withType(item: unknown, kind: string, apiVersion: unknown): unknown {
  const fields = asFields(item);
  return fields === undefined || kind === '' || fields.kind !== undefined ? item : { apiVersion, ...fields, kind };
}

function reportNoObject(raw: unknown, cluster: ClusterName | undefined, diagnostics: Diagnostic[]): void {
  const message = `${show(raw)} stands where an object should; it is left out`;
  diagnostics.push({ severity: 'error', code: 'not-an-object', object: refOf({}, 'document', cluster), message });
}

/** One note per kind, naming the first object of it. */
function reportUnknown(
  unknown: ReadonlyMap<string, readonly Fields[]>,
  cluster: ClusterName | undefined,
  diagnostics: Diagnostic[],
): void {
  for (const [type, raws] of unknown) {
    const refs = raws.map((raw) => refOf(raw, textOf(raw, 'kind') ?? 'object', cluster));
    refs.sort((a, b) => compareText(formatObjectRef(a), formatObjectRef(b)));
    const [object] = refs;
    if (object === undefined) continue;
    const others = refs.length > 1 ? ` (and ${refs.length - 1} more)` : '';
    if (type === '') {
      const message = `has no apiVersion or no kind; it is left out${others}`;
      diagnostics.push({ severity: 'error', code: 'no-kind', object, message });
    } else {
      const message = `kind ${show(type)} has no part in Service rules; it is ignored${others}`;
      diagnostics.push({ severity: 'info', code: 'unknown-kind', object, message });
    }
  }
}

interface Parsed {
  readonly raw: Fields;
  readonly object: ModelObject;
}

/** The same object twice, from two files say: the later version, else an arbitrary but fixed one. */
function chooseCopy(copies: readonly Parsed[], diagnostics: Diagnostic[]): ModelObject {
  const [first] = copies;
  if (first === undefined) throw new Error('a group of copies is never empty');
  if (copies.length === 1) return first.object;
  const ordered = copies.map(({ raw, object }) => ({
    object,
    text: canonicalJson(object.value),
    version: versionOf(raw),
  }));
  ordered.sort((a, b) => compareVersions(b.version, a.version) || compareText(a.text, b.text));
  const differ = ordered.some(({ text }) => text !== ordered[0]?.text);
  diagnostics.push({
    severity: differ ? 'warning' : 'info',
    code: 'repeated-object',
    object: first.object.value.ref,
    message: differ
      ? 'is there more than once with different contents; the highest resourceVersion counts'
      : 'is there more than once, each time the same; it counts once',
  });
  return ordered[0]?.object ?? first.object;
}

/** Digits of a resourceVersion without leading zeros; empty when it has none. */
function versionOf(raw: Fields): string {
  const version = textOf(asFields(raw.metadata) ?? {}, 'resourceVersion') ?? '';
  return /^\d{1,40}$/.test(version) ? version.replace(/^0+/, '') : '';
}

function compareVersions(a: string, b: string): number {
  return a.length - b.length || compareText(a, b);
}
