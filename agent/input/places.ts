import { readFileSync } from 'node:fs';
import type { ClusterObjects } from '../../compiler/compile.ts';
import { asFields, type Fields, textOf } from '../../compiler/model/fields.ts';
import { refOf } from '../../compiler/model/metadata.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import type { ObjectRef } from '../../compiler/values/object-ref.ts';
import { maxDepth, maxPositioned } from './limits.ts';
import { type Origin, originOf, type SourceText, sourceText } from './origins.ts';
import { nowhere, type Place, type PlaceOf } from './place.ts';
import { type Path, pathOfField } from './positions.ts';

/*
 * Finds the places in files that diagnostics are about. The compiler knows objects and fields but no files: the code that
 * reads files remembers where each document came from, and the code that prints a diagnostic asks here.
 */

/** An object's place: its document, and the path through lists in it. */
interface ObjectPlace {
  readonly origin: Origin;
  readonly path: Path;
}

/** The first place that one of these knows. */
export function eitherPlace(...all: readonly PlaceOf[]): PlaceOf {
  return (diagnostic) => {
    for (const placeOf of all) {
      const place = placeOf(diagnostic);
      if (place !== undefined) return place;
    }
    return undefined;
  };
}

/**
 * The places of objects as they were read, including lists. The index is made at the first question.
 *
 * viewOf   the name that diagnostics give to a cluster
 */
export function placesOf(
  clusters: readonly ClusterObjects[],
  viewOf: (cluster: ClusterName | undefined) => ClusterName | undefined = (cluster) => cluster,
): PlaceOf {
  let index: ReadonlyMap<string, ObjectPlace> | undefined;
  return ({ object, field }) => {
    index ??= indexOf(clusters.map(({ cluster, objects }) => ({ cluster: viewOf(cluster), objects })));
    const found = index.get(keyOf(object));
    return found && placeIn(found.origin.source, found, field);
  };
}

/** The places in a file that is one document, such as a configuration; kind, name: as its diagnostics call it. */
export function placesOfDocument(kind: string, name: string, document: unknown): PlaceOf {
  const origin = originOf(document);
  if (origin === undefined) return nowhere;
  return ({ object, field }) =>
    object.kind === kind && object.name === name ? placeIn(origin.source, { origin, path: [] }, field) : undefined;
}

/**
 * The places of a folder's objects, which are read and then dropped: only each object's place is kept, and the file is
 * read again when somebody asks. If it has changed meanwhile, only the file is named. All objects count as one cluster's,
 * whatever its name.
 */
export function placesAgain(objects: readonly unknown[]): PlaceOf {
  const places = new Map<string, ObjectPlace & { readonly name: string }>();
  for (const [key, { origin, path, name }] of indexOf([{ cluster: undefined, objects }])) {
    const { source, document } = origin;
    places.set(key, { origin: { source: { file: source.file, positions: () => undefined }, document }, path, name });
  }
  const files = createReadings();
  return ({ object, field }) => {
    const { cluster: _cluster, ...ref } = object;
    const found = places.get(keyOf(ref));
    if (found === undefined) return undefined;
    const { file } = found.origin.source;
    const source = files(file);
    const name = source.positions()?.textAt(found.origin.document, [...found.path, 'metadata', 'name']);
    return placeIn(name === found.name ? source : found.origin.source, found, field);
  };
}

/** Reads files on demand. Questions come in bursts: each file is read once for a burst, and no text is kept between bursts. */
function createReadings(): (file: string) => SourceText {
  let kept: WeakRef<{ readonly texts: Map<string, SourceText>; length: number }> | undefined;
  return (file) => {
    const readings = kept?.deref() ?? { texts: new Map<string, SourceText>(), length: 0 };
    kept = new WeakRef(readings);
    const known = readings.texts.get(file);
    if (known !== undefined) return known;
    const text = readAgain(file);
    readings.length += text.length;
    if (readings.length > maxPositioned) {
      readings.texts.clear();
      readings.length = text.length;
    }
    const source = sourceText(file, text, maxDepth);
    readings.texts.set(file, source);
    return source;
  };
}

/** Empty text, which holds no object, if the file cannot be read any more. */
function readAgain(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function placeIn(source: SourceText, { origin, path }: ObjectPlace, field: string | undefined): Place {
  const { document } = origin;
  const line = source.positions()?.lineOf(document, [...path, ...(field === undefined ? [] : pathOfField(field))]);
  return { file: source.file, document: document + 1, line };
}

function indexOf(clusters: readonly ClusterObjects[]): ReadonlyMap<string, ObjectPlace & { readonly name: string }> {
  const index = new Map<string, ObjectPlace & { readonly name: string }>();
  for (const { cluster, objects } of clusters) {
    for (const document of objects) {
      const origin = originOf(document);
      if (origin === undefined) continue;
      for (const { fields, kind, path } of objectsIn(document, undefined, [])) {
        const ref = refOf(fields, kind, cluster);
        const place = { origin, path, name: ref.name };
        index.set(keyOf(ref), place);
        // A manifest without a namespace means `default`.
        if (ref.namespace === undefined) index.set(keyOf({ ...ref, namespace: 'default' }), place);
      }
    }
  }
  return index;
}

/** As the compiler takes lists apart (compiler/model/lists.ts). */
function* objectsIn(
  raw: unknown,
  kindInList: string | undefined,
  path: Path,
): Generator<{ readonly fields: Fields; readonly kind: string; readonly path: Path }> {
  const fields = asFields(raw);
  // Lists nested without end: aliases can make them.
  if (fields === undefined || path.length > 16) return;
  const kind = textOf(fields, 'kind') ?? kindInList ?? '';
  const itemKind = /^(\w*)List$/.exec(kind)?.[1];
  if (itemKind === undefined || !Array.isArray(fields.items)) {
    yield { fields, kind, path };
    return;
  }
  for (const [i, item] of fields.items.entries()) {
    yield* objectsIn(item, itemKind === '' ? undefined : itemKind, [...path, 'items', i]);
  }
}

/** Not formatObjectRef, because that cuts long names. */
function keyOf({ cluster, kind, namespace, name }: ObjectRef): string {
  return [cluster ?? '', kind, namespace ?? '', name].join('\n');
}
