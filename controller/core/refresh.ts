import type { Fields } from '../../compiler/model/fields.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import type { Draft } from './draft.ts';
import { idIn, isOfKind, kinds } from './kinds.ts';
import { marks } from './marks.ts';
import { copyName } from './names.ts';
import type { Held } from './object.ts';
import { collectableSlices, copyOf, type Feeds, sourceOf } from './slices.ts';

/**
 * The desired state of one Service while the hub is away. The users' present wishes are in the hub and cannot be read, and one
 * replica may have seen a later state of it than another. So each cluster's content shows what it should have: copies of a
 * source's slices keep following the source, and nothing else is made, changed or deleted.
 * A copy whose original is gone is emptied and stays, so that the source's next slices have a place again.
 */
export function refreshCopies(draft: Draft, namespace: string, name: string): void {
  for (const [consumer, view] of draft.world.members) {
    const copies = view.madeFor(draft.topic).filter((object) => isOfKind(object, kinds.slice) && !object.isDeleting);
    for (const family of familiesOf(copies)) refreshFamily(draft, consumer, { ...family, namespace, name });
  }
}

/** Copies that feed one Service, or import, from one source. */
interface Family {
  readonly source: ClusterName;
  readonly feeds: Feeds;
  readonly copies: readonly Held[];
}

function familiesOf(copies: readonly Held[]): readonly Family[] {
  const families = new Map<string, Family>();
  for (const copy of copies) {
    const source = sourceOf(copy);
    if (source === undefined) continue;
    const feeds = feedsOf(copy, source);
    const key = JSON.stringify([source, feeds.service, feeds.import, feeds.prefix]);
    families.set(key, { source, feeds, copies: [...(families.get(key)?.copies ?? []), copy] });
  }
  return [...families.values()];
}

/** What the copy was made for, derived from the copy itself. */
function feedsOf(copy: Held, source: ClusterName): Feeds {
  const original = copy.annotations.get(marks.sourceName) ?? '';
  const importName = copy.labels.get(marks.importName);
  return {
    service: copy.labels.get(marks.serviceName),
    ...(importName === undefined ? {} : { import: importName }),
    prefix: copy.name === copyName('imported-', source, original) ? 'imported-' : '',
  };
}

function refreshFamily(
  draft: Draft,
  consumer: ClusterName,
  { source, feeds, copies, namespace, name }: Family & { readonly namespace: string; readonly name: string },
): void {
  const from = draft.world.members.get(source);
  // A source that cannot be read gives nothing newer.
  if (from?.access !== 'live') return;
  const more = {
    source,
    ...(feeds.import === undefined ? {} : { owner: idIn(kinds.serviceImport, namespace, feeds.import) }),
  };
  const service = from.get(idIn(kinds.service, namespace, name));
  const originals = collectableSlices(from, `${namespace}/${name}`);
  for (const slice of originals) {
    const facts = { service, keepNodeNames: draft.world.settings.keepNodeNames };
    draft.want(consumer, copyOf(slice, source, consumer, feeds, facts), more);
  }
  const names = new Set(originals.map((slice) => slice.name));
  for (const copy of copies) {
    if (names.has(copy.annotations.get(marks.sourceName) ?? '')) continue;
    draft.want(consumer, emptied(copy), { ...more, isEmptied: true });
  }
}

/** The copy without endpoints, otherwise unchanged. */
function emptied({ apiVersion, kind, name, namespace, labels, annotations, fields }: Held): Fields {
  const { [marks.content]: _content, ...texts } = Object.fromEntries(annotations);
  const metadata = { name, namespace, labels: Object.fromEntries(labels), annotations: texts };
  return { ...fields, apiVersion, kind, metadata, endpoints: [] };
}
