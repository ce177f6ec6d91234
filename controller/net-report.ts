import { asFields, type Fields } from '../compiler/model/fields.ts';
import { printable } from '../compiler/values/object-ref.ts';
import { type ObjectId, shortId } from './core/kinds.ts';
import { marks } from './core/marks.ts';
import type { Held } from './core/object.ts';
import { nowhere, type PlaceOf } from '../agent/input/place.ts';
import { placeText } from '../agent/terminal/diagnostics.ts';
import { hub, type Target } from './core/world.ts';
import type { NetChange, Simulated } from './simulate.ts';

/**
 * The result of a simulation, for people: by cluster, each object with the fields that change.
 *
 * placeOf   finds objects that stand in the way in files; absent: they came from no file
 */
export function netReport({ net, withheld, refusals }: Simulated, placeOf: PlaceOf = nowhere): string {
  const clusters = Map.groupBy(net, ({ target }) => target);
  const lines: string[] = [];
  for (const [target, changes] of clusters) {
    lines.push(target === hub ? 'hub' : `cluster ${target}`);
    for (const change of changes) lines.push(...changeLines(change));
    lines.push('');
  }
  const at = (target: Target, { kind, namespace, name }: ObjectId): string => {
    const cluster = target === hub ? {} : { cluster: target };
    const place = placeOf({ object: { kind, name, ...(namespace === undefined ? {} : { namespace }), ...cluster } });
    return place === undefined ? '' : ` (${placeText(place)})`;
  };
  for (const { target, id, message } of refusals)
    lines.push(`not written: ${printable(message, 400)}${at(target, id)}`);
  for (const { target, object, why } of withheld) {
    if (why !== 'kept') lines.push(`not deleted: ${target} ${shortId(object)}${at(target, object)}: ${whyTexts[why]}`);
  }
  const [made, changed, deleted] = [
    net.filter(({ before }) => before === undefined),
    net.filter(({ before, after }) => before !== undefined && after !== undefined),
    net.filter(({ after }) => after === undefined),
  ];
  lines.push(
    net.length === 0
      ? 'Nothing to write.'
      : `${made.length} to make, ${changed.length} to change, ${deleted.length} to delete, in ${clusters.size} ${clusters.size === 1 ? 'cluster' : 'clusters'}.`,
  );
  return `${lines.join('\n')}\n`;
}

const whyTexts = {
  unread: 'it may still be needed: not all clusters have been read',
  held: 'its source reports no slices at all, which may be a mistake',
} as const;

function changeLines({ id, before, after }: NetChange): string[] {
  const sign = before === undefined ? '+' : after === undefined ? '-' : '~';
  const [was, becomes] = [
    before === undefined ? new Map() : leaves(shown(before)),
    after === undefined ? new Map() : leaves(shownManifest(after)),
  ];
  const head = `  ${sign} ${shortId(id)}`;
  if (after === undefined) return [head];
  const paths = [...new Set([...was.keys(), ...becomes.keys()])];
  return [
    head,
    ...paths.flatMap((path) => {
      const [left, right] = [was.get(path) as unknown, becomes.get(path) as unknown];
      if (left === right) return [];
      // Fields that the cluster itself added stay.
      if (right === undefined)
        return before !== undefined && isListPath(path) ? [`      - ${path}: ${show(left)}`] : [];
      return [...(left === undefined ? [] : [`      - ${path}: ${show(left)}`]), `      + ${path}: ${show(right)}`];
    }),
  ];
}

function isListPath(path: string): boolean {
  return path.includes('[');
}

function show(value: unknown): string {
  return printable(JSON.stringify(value) ?? '', 200);
}

function shown({ labels, annotations, fields }: Held): Fields {
  const { status: _status, ...content } = fields;
  return {
    metadata: { labels: Object.fromEntries(labels), annotations: withoutOurs(Object.fromEntries(annotations)) },
    ...content,
  };
}

function shownManifest({ metadata, apiVersion: _version, kind: _kind, ...content }: Fields): Fields {
  const { labels, annotations } = asFields(metadata) ?? {};
  return { metadata: { labels, annotations: withoutOurs(asFields(annotations) ?? {}) }, ...content };
}

/** The controller's own bookkeeping. */
function withoutOurs(annotations: Fields): Fields {
  const { [marks.content]: _content, [marks.partOf]: _partOf, [marks.sourceVersion]: _version, ...rest } = annotations;
  return rest;
}

function leaves(value: unknown, path = ''): Map<string, unknown> {
  const found = new Map<string, unknown>();
  const fields = asFields(value);
  const entries: readonly (readonly [string, unknown])[] = Array.isArray(value)
    ? value.map((item, i) => [`${path}[${i}]`, item] as const)
    : fields === undefined
      ? []
      : Object.entries(fields).map(([key, item]) => [path === '' ? key : `${path}.${key}`, item] as const);
  if (entries.length === 0) {
    if (value !== undefined && fields === undefined && !Array.isArray(value)) found.set(path, value);
    return found;
  }
  for (const [key, item] of entries) for (const [below, leaf] of leaves(item, key)) found.set(below, leaf);
  return found;
}
