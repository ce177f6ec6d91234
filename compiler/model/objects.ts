import { canonicalJson } from '../values/canonical-json.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { type ClusterName, compareText } from '../values/names.ts';
import { formatObjectRef, type ObjectRef } from '../values/object-ref.ts';
import { asFields, type Fields, show, textOf } from './fields.ts';
import { isForRules, type ModelObject, parse, recognise, textOfId, typeText, versionsRead } from './kinds.ts';
import { expandLists } from './lists.ts';
import { refOf } from './metadata.ts';

/** All objects of one cluster: lists expanded, each object parsed, unknown kinds noted, duplicates resolved. */
export function parseCluster(
  cluster: ClusterName | undefined,
  raws: readonly unknown[],
  diagnostics: Diagnostic[],
  proxyName?: string,
): ModelObject[] {
  const unknown = new Map<string, Fields[]>();
  const known = new Map<string, Copy[]>();
  for (const raw of expandLists(raws, cluster, diagnostics)) {
    const recognised = recognise(raw);
    if (recognised === undefined || !isForRules(recognised)) {
      addTo(unknown, typeText(raw) ?? '', raw);
      continue;
    }
    const parsed = parse(recognised, cluster, proxyName);
    for (const diagnostic of parsed.diagnostics) diagnostics.push(diagnostic);
    const { object } = parsed;
    if (object !== undefined) addTo(known, textOfId(recognised.id), { raw, object });
  }
  reportUnknown(unknown, served(known), cluster, diagnostics);
  return [...known.values()].map((copies) => chooseCopy(copies, diagnostics));
}

function addTo<T>(groups: Map<string, T[]>, key: string, item: T): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [item]);
  else group.push(item);
}

/** Services that some slice names, as `namespace/name`. */
function served(known: ReadonlyMap<string, readonly Copy[]>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const copies of known.values()) {
    for (const { object } of copies) {
      if (object.kind === 'EndpointSlice') names.add(`${object.value.namespace}/${object.value.serviceName ?? ''}`);
    }
  }
  return names;
}

/** One note per kind, naming the first object of it. */
function reportUnknown(
  unknown: ReadonlyMap<string, readonly Fields[]>,
  withSlices: ReadonlySet<string>,
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
    } else if (type === 'v1 Endpoints') {
      reportEndpoints(refs, withSlices, diagnostics);
    } else if (versionsRead(type).length > 0) {
      const message = `${show(type)} is not supported, use ${versionsRead(type).join(' or ')}; it is left out${others}`;
      diagnostics.push({ severity: 'warning', code: 'other-version', object, message });
    } else {
      const message = `kind ${show(type)} does not affect Service rules; it is ignored${others}`;
      diagnostics.push({ severity: 'info', code: 'unknown-kind', object, message });
    }
  }
}

/**
 * Every Service has an Endpoints object beside its slices; an Endpoints object without slices was written on purpose.
 */
function reportEndpoints(refs: readonly ObjectRef[], withSlices: ReadonlySet<string>, diagnostics: Diagnostic[]): void {
  const alone = refs.filter(({ namespace = 'default', name }) => !withSlices.has(`${namespace}/${name}`));
  const [object] = alone;
  if (object === undefined) return;
  const others = alone.length > 1 ? ` (and ${alone.length - 1} more)` : '';
  const message = `slicewright reads EndpointSlices, not Endpoints, and this Service has no EndpointSlice${others}; add its EndpointSlice (discovery.k8s.io/v1)`;
  diagnostics.push({ severity: 'warning', code: 'endpoints-not-read', object, message });
}

interface Copy {
  readonly raw: Fields;
  readonly object: ModelObject;
}

/**
 * Chooses between copies of one object, for example from two files: the later version, else an arbitrary but fixed one.
 */
function chooseCopy(copies: readonly Copy[], diagnostics: Diagnostic[]): ModelObject {
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
      ? 'is there more than once with different contents; the highest resourceVersion is used'
      : 'is there more than once with equal contents; it is used once',
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
