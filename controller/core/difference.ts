import { createHash } from 'node:crypto';
import { asFields, type Fields } from '../../compiler/model/fields.ts';
import { canonicalJson } from '../../compiler/values/canonical-json.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import type { Desired, Outcome } from './draft.ts';
import { idText, isOfKind, kinds } from './kinds.ts';
import { marks } from './marks.ts';
import type { Held } from './object.ts';
import { sourceOf } from './slices.ts';
import { type ClusterView, hub, type Target, type World } from './world.ts';

/** One change to make in a cluster. */
export type Change =
  | {
      readonly kind: 'apply';
      readonly desired: Desired;
      /** Includes the hash of its content. */
      readonly object: Fields;
      readonly content: string;
      /** The present object; undefined: none is known. */
      readonly before: Held | undefined;
    }
  | { readonly kind: 'delete'; readonly target: Target; readonly object: Held };

/** A deletion that is postponed. */
export interface Withheld {
  readonly target: Target;
  readonly object: Held;
  readonly why: 'unread' | 'held' | 'kept';
}

export interface Difference {
  /** Applications first, and an object before those that need it: make before break. */
  readonly changes: readonly Change[];
  readonly withheld: readonly Withheld[];
}

/** What the loop remembers between rounds. */
export interface Memory {
  /** Whether the server turned this content into the present object: it writes some values in another form. */
  isAccepted(target: Target, object: Held, content: string): boolean;
  /** Whether copies of this cluster's slices must not be deleted now (CC-8). */
  isHeld(source: ClusterName): boolean;
}

/** The writes that give the clusters what a topic wants, and no others: none if nothing differs. */
export function differenceOf(world: World, topic: string, outcome: Outcome, memory: Memory): Difference {
  const wanted = new Set<string>();
  const changes: Change[] = [];
  const withheld: Withheld[] = [];
  for (const desired of [...outcome.desired].sort((a, b) => rank(a) - rank(b))) {
    wanted.add(`${desired.target} ${idText(desired.id)}`);
    const view = viewIn(world, desired.target);
    // The present objects there are unknown, so none is overwritten.
    if (view === undefined || view.access !== 'live') continue;
    const before = view.get(desired.id);
    const change = applying(desired, before, memory);
    if (change === undefined) continue;
    const isHeld = desired.isEmptied === true && desired.source !== undefined && memory.isHeld(desired.source);
    if (isHeld && before !== undefined) withheld.push({ target: desired.target, object: before, why: 'held' });
    else changes.push(change);
  }
  // The hub cannot say which objects are still wanted, so nothing is deleted.
  if (world.isHubAway) return { changes, withheld };
  for (const view of viewsOf(world)) {
    // Copies in a folder came with a cluster's dump, so they are not the controller's.
    if (!view.takesWrites) continue;
    for (const object of view.madeFor(topic)) {
      if (object.isDeleting || wanted.has(`${view.target} ${idText(object)}`)) continue;
      const why = whyKept(world, view, object, memory);
      if (why === undefined) changes.push({ kind: 'delete', target: view.target, object });
      else withheld.push({ target: view.target, object, why });
    }
  }
  return { changes, withheld };
}

function viewsOf({ hub: ofHub, members }: World): readonly ClusterView[] {
  return ofHub === undefined ? [...members.values()] : [ofHub, ...members.values()];
}

function viewIn(world: World, target: Target): ClusterView | undefined {
  return target === hub ? world.hub : world.members.get(target);
}

/** Namespaces before their content, owners before what they own, a Service before its slices. */
function rank({ id }: Desired): number {
  if (isOfKind(id, kinds.namespace)) return 0;
  if (isOfKind(id, kinds.serviceImport)) return 1;
  return isOfKind(id, kinds.slice) ? 3 : 2;
}

function applying(desired: Desired, before: Held | undefined, memory: Memory): Change | undefined {
  const content = contentHash(desired.object);
  const object = withAnnotation(desired.object, marks.content, content);
  const isSame =
    before !== undefined &&
    before.annotations.get(marks.content) === content &&
    (covers(before, object) || memory.isAccepted(desired.target, before, content));
  return isSame ? undefined : { kind: 'apply', desired, object, content, before };
}

/**
 * Hash of an object's content. The version that a slice was copied from is left out: it changes with every write to the
 * source, and a copy is written only when its content changes.
 */
export function contentHash(object: Fields): string {
  const metadata = object.metadata as Fields;
  const { [marks.sourceVersion]: _version, ...annotations } = asFields(metadata.annotations) ?? {};
  const said = { ...object, metadata: { ...metadata, annotations } };
  return createHash('sha256').update(canonicalJson(said)).digest('hex').slice(0, 16);
}

function withAnnotation(object: Fields, key: string, value: string): Fields {
  const metadata = object.metadata as Fields;
  return { ...object, metadata: { ...metadata, annotations: { ...asFields(metadata.annotations), [key]: value } } };
}

/** Whether an object has all the wanted content; a slice must have exactly that. */
function covers(held: Held, wanted: Fields): boolean {
  const { metadata, apiVersion: _version, kind: _kind, ...fields } = wanted;
  const { labels, annotations } = metadata as { readonly labels?: Fields; readonly annotations?: Fields };
  const { [marks.sourceVersion]: _source, ...texts } = annotations ?? {};
  return (
    Object.entries(labels ?? {}).every(([key, value]) => held.labels.get(key) === value) &&
    Object.entries(texts).every(([key, value]) => held.annotations.get(key) === value) &&
    includes(held.fields, fields) &&
    (!isOfKind(held, kinds.slice) || includes(fields, held.fields))
  );
}

/** A missing value, an empty list and an empty object are equal: servers write any of them. */
function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return Array.isArray(value) ? value.length === 0 : asFields(value) !== undefined && Object.keys(value).length === 0;
}

/** Whether a value contains the wanted one: lists item by item, of objects the wanted members. */
function includes(value: unknown, wanted: unknown): boolean {
  if (isNothing(wanted))
    return Array.isArray(wanted) ? isNothing(value) : isNothing(value) || asFields(value) !== undefined;
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(value) && value.length === wanted.length && wanted.every((item, i) => includes(value[i], item))
    );
  }
  const fields = asFields(wanted);
  if (fields === undefined) return value === wanted;
  const there = asFields(value);
  return there !== undefined && Object.keys(fields).every((key) => includes(there[key], fields[key]));
}

/** Why an unwanted object stays for now (CC-8); undefined: it can be deleted. */
function whyKept(world: World, view: ClusterView, object: Held, memory: Memory): Withheld['why'] | undefined {
  if (object.annotations.get(marks.keep) === 'true') return 'kept';
  if (view.access !== 'live' || !view.isComplete || world.hub?.isComplete === false) return 'unread';
  if (world.hub?.holdsAll(object) === false) return 'unread';
  const source = sourceOf(object);
  if (dependsOnMembers(world) && !isSettledByMembers(world, view, object)) return 'unread';
  if (source === undefined) return undefined;
  if (world.members.get(source)?.isComplete === false) return 'unread';
  return memory.isHeld(source) ? 'held' : undefined;
}

/** Whether decisions need every member: for objects made from exports, and for those that members' own users ask for. */
function dependsOnMembers({ hub: ofHub, settings }: World): boolean {
  return ofHub === undefined || settings.importStyle === 'mcs';
}

/**
 * Whether the members prove that the object is unwanted: every one was read, and those that it was made for can be read now.
 * If one of those is away, another replica may know that its user has exported the Service since.
 */
function isSettledByMembers({ members }: World, view: ClusterView, object: Held): boolean {
  if ([...members.values()].some(({ isComplete }) => !isComplete)) return false;
  const source = sourceOf(object);
  const sources =
    source === undefined ? view.madeFor(object.annotations.get(marks.partOf) ?? '').map(sourceOf) : [source];
  return sources.every((each) => each === undefined || members.get(each)?.isCurrent !== false);
}
