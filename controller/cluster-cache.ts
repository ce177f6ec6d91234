import type { TextMap } from '../compiler/model/fields.ts';
import type { ClusterName } from '../compiler/values/names.ts';
import { isBefore } from '../agent/sources/api-protocol.ts';
import { type Topic, topicOf } from './core/desire.ts';
import { type Kind, kinds, kindText, type ObjectId } from './core/kinds.ts';
import { isCollectable, isOurs, marks } from './core/marks.ts';
import type { Held } from './core/object.ts';
import { sourceOf } from './core/slices.ts';
import type { Access, ClusterView, Target } from './core/world.ts';

/** The state of reading a kind. */
export type Reading = 'starting' | 'live' | 'failing' | 'absent';

/**
 * essential: without it the controller does nothing here; complete: without it it deletes nothing here; whole: only objects of
 * the kind itself depend on it; part: only the kind's objects that the controller made are read.
 */
export type Need = 'essential' | 'complete' | 'whole' | 'part';

/** One cluster's objects, as its API server reported them, with the indexes that decisions need. */
export interface ClusterCache extends ClusterView {
  /** Announces that the kind is read; essential: the controller does nothing here without it. */
  expect(kind: Kind, apiVersion: string, need: Need): void;
  reading(kind: Kind, state: Reading): void;
  readonly readings: ReadonlyMap<string, Reading>;
  /** Takes an object in, or removes it; returns the topics that it affects. */
  change(kind: Kind, path: string, object: Held | undefined): readonly Topic[];
  /**
   * Takes in the server's answer to one of the controller's writes, before the watch reports it. What the watch then reports of
   * this object from before the write is ignored.
   */
  fold(object: Held): void;
  /** Ignores the cluster from now on, and writes nothing to it: it is not the cluster that its name stands for. */
  suspend(why: string): void;
  readonly isSuspended: boolean;
  /** Why it is suspended; '' if it is not. */
  readonly suspension: string;
  setLabels(labels: TextMap): void;
  /** Paths of all objects of a kind. */
  paths(kind: Kind): readonly string[];
  /** All topics that this cluster's objects affect. */
  topics(): Iterable<Topic>;
  /** The topics to decide again when a namespace comes or goes. */
  topicsIn(namespace: string): readonly Topic[];
}

export function createClusterCache(target: Target, given: TextMap, takesWrites = true): ClusterCache {
  let labels = given;
  let suspension = '';
  const objects = new Map<string, Map<string, Held>>();
  const versions = new Map<string, string>();
  const needs = new Map<string, Need>();
  const readings = new Map<string, Reading>();
  /** Kinds that were read once: their objects still count. */
  const everRead = new Set<string>();
  const slices = new Map<string, Set<Held>>();
  const made = new Map<string, Set<Held>>();
  const copies = new Map<string, number>();
  /** Versions written by the controller that the watch has not reported yet. */
  const written = new Map<string, string>();
  let collectable = 0;

  function put(kind: string, path: string, object: Held): void {
    const held = objects.get(kind) ?? new Map<string, Held>();
    objects.set(kind, held);
    held.set(path, object);
    if (kind === sliceKind) {
      addTo(slices, `${object.namespace}/${object.labels.get(marks.serviceName)}`, object);
      if (isCollectable(object)) collectable += 1;
    }
    if (!isOurs(object)) return;
    addTo(made, object.annotations.get(marks.partOf) ?? '', object);
    const source = sourceOf(object);
    if (source !== undefined) copies.set(source, (copies.get(source) ?? 0) + 1);
  }

  function take(kind: string, path: string): Held | undefined {
    const object = objects.get(kind)?.get(path);
    if (object === undefined) return undefined;
    objects.get(kind)?.delete(path);
    if (kind === sliceKind) {
      removeFrom(slices, `${object.namespace}/${object.labels.get(marks.serviceName)}`, object);
      if (isCollectable(object)) collectable -= 1;
    }
    if (isOurs(object)) {
      removeFrom(made, object.annotations.get(marks.partOf) ?? '', object);
      const source = sourceOf(object);
      if (source !== undefined) copies.set(source, (copies.get(source) ?? 1) - 1);
    }
    return object;
  }

  const isRead = (kind: string): boolean => everRead.has(kind);

  return {
    target,
    get labels() {
      return labels;
    },
    takesWrites,
    get access(): Access {
      if (suspension !== '') return 'unread';
      let access: Access = 'live';
      for (const [kind, need] of needs) {
        if (need !== 'essential') continue;
        if (!isRead(kind)) return 'unread';
        if (readings.get(kind) !== 'live') access = 'away';
      }
      return access;
    },
    get isComplete() {
      if (suspension !== '') return false;
      return [...needs].every(([kind, need]) => need === 'part' || need === 'whole' || isRead(kind));
    },
    get isCurrent() {
      if (suspension !== '') return false;
      return [...needs].every(([kind, need]) => {
        const reading = readings.get(kind);
        return need === 'part' || need === 'whole' || reading === 'live' || reading === 'absent';
      });
    },
    get: (id) => (suspension !== '' ? undefined : objects.get(kindText(id))?.get(pathOf(id))),
    slicesOf: (service) => (suspension !== '' ? [] : [...(slices.get(service) ?? [])]),
    madeFor: (topic) => [...(made.get(topic) ?? [])],
    hasNamespace: (name) => objects.get(namespaceKind)?.has(name) === true,
    apiVersionOf: (kind) => (readings.get(kindText(kind)) === 'absent' ? undefined : versions.get(kindText(kind))),
    lacks: (kind) => readings.get(kindText(kind)) === 'absent',
    all: (kind) => [...(objects.get(kindText(kind))?.values() ?? [])],
    collectableCount: () => collectable,
    copiesFrom: (source: ClusterName) => copies.get(source) ?? 0,
    readings,
    expect(kind, apiVersion, need) {
      const text = kindText(kind);
      versions.set(text, apiVersion);
      needs.set(text, need);
      if (!readings.has(text)) readings.set(text, 'starting');
    },
    reading(kind, state) {
      const text = kindText(kind);
      readings.set(text, state);
      if (state === 'live' || state === 'absent') everRead.add(text);
    },
    change(kind, path, object) {
      const text = kindText(kind);
      const ours = written.get(`${text} ${path}`);
      if (ours !== undefined && object !== undefined) {
        if (isBefore(object.resourceVersion, ours)) return [];
        written.delete(`${text} ${path}`);
      }
      const before = take(text, path);
      if (object !== undefined) put(text, path, object);
      return [...new Set([...topicsOf(before), ...topicsOf(object)])];
    },
    fold(object) {
      const text = kindText(object);
      const path = pathOf(object);
      const there = objects.get(text)?.get(path);
      if (there !== undefined && isBefore(object.resourceVersion, there.resourceVersion)) return;
      written.set(`${text} ${path}`, object.resourceVersion);
      take(text, path);
      put(text, path, object);
    },
    holdsAll: (kind) => isRead(kindText(kind)) && needs.get(kindText(kind)) !== 'part',
    suspend(why) {
      suspension = why;
    },
    get isSuspended() {
      return suspension !== '';
    },
    get suspension() {
      return suspension;
    },
    setLabels(next) {
      labels = next;
    },
    paths: (kind) => [...(objects.get(kindText(kind))?.keys() ?? [])],
    *topics() {
      for (const held of objects.values()) for (const object of held.values()) yield* topicsOf(object);
    },
    topicsIn(namespace) {
      const topics = new Set<Topic>([`Namespace ${namespace}`]);
      for (const held of objects.values()) {
        for (const object of held.values()) {
          if (object.namespace === namespace) for (const topic of topicsOf(object)) topics.add(topic);
        }
      }
      return [...topics];
    },
  };
}

const sliceKind = kindText(kinds.slice);
const namespaceKind = kindText(kinds.namespace);

function pathOf({ namespace, name }: ObjectId): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** The topics to decide again when an object changes. */
function topicsOf(object: Held | undefined): readonly Topic[] {
  if (object === undefined) return [];
  const topics: Topic[] = [];
  const partOf = isOurs(object) ? object.annotations.get(marks.partOf) : undefined;
  if (partOf !== undefined) topics.push(partOf);
  if (kindText(object) === sliceKind) {
    const service = object.labels.get(marks.serviceName);
    if (service !== undefined) topics.push(`Service ${object.namespace}/${service}`);
  } else topics.push(topicOf(object));
  return topics;
}

function addTo(index: Map<string, Set<Held>>, key: string, object: Held): void {
  const set = index.get(key) ?? new Set<Held>();
  index.set(key, set);
  set.add(object);
}

function removeFrom(index: Map<string, Set<Held>>, key: string, object: Held): void {
  const set = index.get(key);
  set?.delete(object);
  if (set?.size === 0) index.delete(key);
}
