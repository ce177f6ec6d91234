import { asFields, type Fields, parseTextMap, type TextMap, textOf } from '../../compiler/model/fields.ts';
import { parseNamespace, parseObjectName } from '../../compiler/values/names.ts';
import { groupOf, type ObjectId } from './kinds.ts';

/** An object of an API server as the controller keeps it: parsed once, when it arrives. */
export interface Held extends ObjectId {
  readonly apiVersion: string;
  /** '' if it is unknown, as in a manifest. */
  readonly uid: string;
  readonly resourceVersion: string;
  readonly labels: TextMap;
  readonly annotations: TextMap;
  /** Milliseconds since 1970; infinity if it is unknown, so that an object without a time is never the oldest. */
  readonly createdMs: number;
  readonly isDeleting: boolean;
  /** Everything except metadata: spec, status, endpoints and so on. */
  readonly fields: Fields;
}

/** Annotations that repeat the object. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * The part of an object that is kept. undefined: its name is invalid for an object, so that no part of it can end up in
 * a request.
 *
 * apiVersion, kind   given, because items of a list come without their own
 */
export function parseHeld(raw: unknown, apiVersion: string, kind: string): Held | undefined {
  const object = asFields(raw);
  const metadata = asFields(object?.metadata);
  if (object === undefined || metadata === undefined) return undefined;
  const name = parseObjectName(metadata.name) ?? parseLooseName(metadata.name, kind);
  if (name === undefined) return undefined;
  const given = metadata.namespace;
  const namespace = given === undefined || given === null || given === '' ? undefined : parseNamespace(given);
  if (namespace === undefined && typeof given === 'string' && given !== '') return undefined;
  const { metadata: _metadata, kind: _kind, apiVersion: _version, ...fields } = object;
  const annotations = new Map(parseTextMap(metadata.annotations));
  annotations.delete(lastApplied);
  return {
    apiVersion,
    group: groupOf(apiVersion),
    kind,
    namespace,
    name,
    uid: textOf(metadata, 'uid') ?? '',
    resourceVersion: textOf(metadata, 'resourceVersion') ?? '',
    labels: parseTextMap(metadata.labels),
    annotations,
    createdMs: parseTime(metadata.creationTimestamp),
    isDeleting: metadata.deletionTimestamp !== undefined && metadata.deletionTimestamp !== null,
    fields,
  };
}

/** Names of RBAC objects may have colons and capitals; names that would change a path are rejected. */
function parseLooseName(value: unknown, kind: string): string | undefined {
  if (!/Role|RoleBinding$/.test(kind) || typeof value !== 'string') return undefined;
  return /^[\w.:-]{1,253}$/.test(value) && value !== '.' && value !== '..' ? value : undefined;
}

function parseTime(value: unknown): number {
  const ms = value instanceof Date ? value.getTime() : typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? Number.POSITIVE_INFINITY : ms;
}

/** Keeps a parser's result for an object as long as the object is held. */
export function parsedOnce<T>(parse: (object: Held) => T): (object: Held) => T {
  const known = new WeakMap<Held, { readonly value: T }>();
  return (object) => {
    const before = known.get(object);
    if (before !== undefined) return before.value;
    const value = parse(object);
    known.set(object, { value });
    return value;
  };
}
