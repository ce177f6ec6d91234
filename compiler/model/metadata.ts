import type { Diagnostic } from '../values/diagnostic.ts';
import { type ClusterName, type Namespace, type ObjectName, parseNamespace, parseObjectName } from '../values/names.ts';
import type { ObjectRef } from '../values/object-ref.ts';
import { asFields, type Fields, isAbsent, parseTextMap, show, type TextMap, textOf } from './fields.ts';

/** The metadata that every kind has. */
export interface Metadata {
  readonly ref: ObjectRef;
  readonly name: ObjectName;
  readonly labels: TextMap;
  readonly annotations: TextMap;
  /** Milliseconds since 1970; undefined when absent or not RFC 3339. */
  readonly createdMs: number | undefined;
}

export interface NamespacedMetadata extends Metadata {
  readonly namespace: Namespace;
}

/** What stands as the name in an object's metadata, even if it is no name. */
export function givenName(metadata: Fields): string {
  return textOf(metadata, 'name') ?? '(no name)';
}

/** The reference of any object, however broken: the contents of its name fields, even if they are empty. */
export function refOf(object: Fields, kind: string, cluster: ClusterName | undefined): ObjectRef {
  const metadata = asFields(object.metadata) ?? {};
  return makeRef(kind, textOf(metadata, 'namespace'), givenName(metadata), cluster);
}

/** Whole literals, each with room for exactly its members: there is a reference for every object. */
function makeRef(
  kind: string,
  namespace: string | undefined,
  name: string,
  cluster: ClusterName | undefined,
): ObjectRef {
  if (cluster === undefined) return namespace === undefined ? { kind, name } : { kind, namespace, name };
  return namespace === undefined ? { kind, name, cluster } : { kind, namespace, name, cluster };
}

/** Metadata of a kind without a namespace; undefined, and reported, if the name is invalid. */
export function parseMetadata(
  object: Fields,
  kind: string,
  cluster: ClusterName | undefined,
  diagnostics: Diagnostic[],
): Metadata | undefined {
  const ref = refOf(object, kind, cluster);
  const metadata = asFields(object.metadata) ?? {};
  const name = parseObjectName(metadata.name);
  if (name === undefined) {
    const message = `${show(metadata.name)} is not an object name (lower-case letters, digits, "-", "."); the object is left out`;
    diagnostics.push({ severity: 'error', code: 'bad-name', object: ref, field: 'metadata.name', message });
    return undefined;
  }
  return {
    ref,
    name,
    labels: parseTextMap(metadata.labels),
    annotations: parseTextMap(metadata.annotations),
    createdMs: parseTimestamp(metadata.creationTimestamp),
  };
}

/** A manifest without a namespace means `default`, as it does to kubectl. */
export function parseNamespacedMetadata(
  object: Fields,
  kind: string,
  cluster: ClusterName | undefined,
  diagnostics: Diagnostic[],
): NamespacedMetadata | undefined {
  const metadata = parseMetadata(object, kind, cluster, diagnostics);
  if (metadata === undefined) return undefined;
  const given = (asFields(object.metadata) ?? {}).namespace;
  const namespace = parseNamespace(isAbsent(given) ? 'default' : given);
  if (namespace === undefined) {
    const message = `${show(given)} is not a namespace name; the object is left out`;
    diagnostics.push({
      severity: 'error',
      code: 'bad-namespace',
      object: metadata.ref,
      field: 'metadata.namespace',
      message,
    });
    return undefined;
  }
  const { name, labels, annotations, createdMs } = metadata;
  return { ref: makeRef(kind, namespace, name, cluster), name, labels, annotations, createdMs, namespace };
}

const proxyLabel = 'service.kubernetes.io/service-proxy-name';

/** No proxy serves a headless Service, whatever the label's value. */
function isHeadless(labels: TextMap): boolean {
  return labels.has('service.kubernetes.io/headless');
}

/**
 * Whether a Service, or a ServiceImport, is left to another proxy (MR-2). Other clusters' Services are never served
 * here: they only describe their slices. So the proxy that serves them there does not matter to a proxy with a name of
 * its own.
 *
 * proxyName   the name on Services that slicewright serves; undefined: those without the label, as kube-proxy does
 */
export function isServedByOthers(
  labels: TextMap,
  cluster: ClusterName | undefined,
  proxyName: string | undefined,
): boolean {
  if (isHeadless(labels)) return true;
  if (cluster !== undefined && proxyName !== undefined) return false;
  return labels.get(proxyLabel) !== proxyName;
}

/**
 * Whether a slice feeds no Service here. The controller copies a Service's labels to its slices, and kube-proxy reads
 * the slice's labels. If slicewright has a proxy name of its own, only the Service's label decides: slices from other
 * clusters carry the labels that their Service has there.
 */
export function isSliceForOthers(labels: TextMap, proxyName: string | undefined): boolean {
  return isHeadless(labels) || (proxyName === undefined && labels.has(proxyLabel));
}

/** Milliseconds since 1970. YAML readers turn unquoted timestamps into dates; JSON readers give text. */
export function parseTimestamp(value: unknown): number | undefined {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.getTime();
  if (typeof value !== 'string') return undefined;
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/.test(value)) return undefined;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? undefined : ms;
}
