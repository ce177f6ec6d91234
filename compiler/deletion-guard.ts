import { isOfKind, type ObjectChange } from './change.ts';
import { serviceOf } from './merge/attach.ts';
import type { NamesIn } from './merge/facts.ts';
import { sourceOf } from './merge/source.ts';
import type { EndpointSlice } from './model/endpoint-slice.ts';
import type { ObjectId } from './model/kinds.ts';
import {
  defaultGuard,
  emptyGuard,
  type GuardedSlice,
  type GuardMemory,
  type GuardSettings,
  guardMassDeletion,
} from './registry/guard.ts';
import { oneText } from './values/one-text.ts';
import { findCluster } from './registry/registry.ts';
import { type ClusterName, compareText, importKey, type ServiceKey } from './values/names.ts';

/** Stands before a compiler and holds back deletions that come in masses (MR-73). */
export interface DeletionGuard<C extends ObjectChange = ObjectChange> {
  /**
   * The changes to apply now, in order: first deletions that were held until now, then the given changes that are not
   * held.
   */
  admit(changes: readonly C[], nowMs: number): C[];
  /** When to ask again even if nothing changes; undefined: nothing is held. */
  dueMs(): number | undefined;
  /** `namespace/name` of the slices that are used although they are gone, sorted. */
  held(): readonly string[];
  /** How many of them belong to each cluster. */
  heldByCluster(): ReadonlyMap<ClusterName, number>;
}

/**
 * Guards only slices in the local cluster that describe another cluster: a restarted controller or a broken control
 * plane deletes such slices merely because it does not know them yet. What another cluster's own API server deletes is
 * gone.
 *
 * names   the compiler's facts, which tell the cluster of a slice
 */
export function createDeletionGuard<C extends ObjectChange = ObjectChange>(
  names: () => NamesIn,
  settings: GuardSettings = defaultGuard,
): DeletionGuard<C> {
  let memory: GuardMemory = emptyGuard;
  /** Slices that may belong to another cluster, by `namespace/name`. */
  const foreign = new Map<string, EndpointSlice>();
  /** Those that do belong to another cluster, as far as `knownBy` tells. */
  const slices = new Map<string, GuardedSlice>();
  let knownBy = names();
  const served = new Set<ServiceKey>();
  /** Deletions not passed on. */
  const withheld = new Map<string, C>();

  /** The cluster of a slice may be known only now, or have changed; no slice vanishes because of that. */
  function keepUp(): void {
    if (names() === knownBy) return;
    knownBy = names();
    slices.clear();
    for (const [id, slice] of foreign) learn(id, slice);
    memory = { ...memory, present: new Map(slices) };
  }

  function learn(id: string, slice: EndpointSlice): void {
    const service = serviceOf(slice);
    const source = sourceOf(slice, knownBy.in(slice.namespace));
    if (service === undefined || source.kind === 'own') slices.delete(id);
    else slices.set(id, { id, service, cluster: source.cluster });
  }

  /** Remembers a change; whether it is the deletion of a guarded slice. */
  function note(change: ObjectChange): boolean {
    if (change.cluster !== undefined) return false;
    if (isOfKind(change, 'EndpointSlice')) return noteSlice(change);
    if (isOfKind(change, 'Service')) noteService(textOf(change.id) as ServiceKey, change.gone);
    if (isOfKind(change, 'ServiceImport')) noteService(importKey(textOf(change.id) as ServiceKey), change.gone);
    return false;
  }

  function noteService(key: ServiceKey, gone: boolean): void {
    if (gone) served.delete(key);
    else served.add(key);
  }

  function noteSlice(change: ObjectChange<'EndpointSlice'>): boolean {
    const id = textOf(change.id);
    if (change.gone) {
      foreign.delete(id);
      return slices.delete(id);
    }
    // A slice that is there counts even if nothing of it is used: an earlier deletion of it must not follow.
    withheld.delete(id);
    const slice = change.object?.value;
    if (slice === undefined || slice.marks.native) {
      foreign.delete(id);
      slices.delete(id);
    } else {
      foreign.set(id, slice);
      learn(id, slice);
    }
    return false;
  }

  function judge(nowMs: number): ReadonlySet<string> {
    const facts = {
      isServed: (service: ServiceKey) => served.has(service),
      isRemoved: (cluster: GuardedSlice['cluster']) => findCluster(knownBy.registry, cluster)?.removed === true,
      nowMs,
    };
    const result = guardMassDeletion(memory, [...slices.values()], facts, settings);
    memory = result.memory;
    return new Set(result.held);
  }

  return {
    admit(changes, nowMs) {
      keepUp();
      const deletions = new Map<string, C>();
      for (const change of changes) {
        const id = ownSliceIn(change);
        if (note(change) && id !== undefined) deletions.set(id, change);
        // A slice that is deleted and made again in one batch is there.
        else if (!change.gone && id !== undefined) deletions.delete(id);
      }
      const held = judge(nowMs);
      const released = [...withheld].filter(([id]) => !held.has(id));
      for (const [id] of released) withheld.delete(id);
      for (const [id, change] of deletions) if (held.has(id)) withheld.set(id, change);
      const passed = changes.filter((change) => !change.gone || !withheld.has(ownSliceIn(change) ?? ''));
      return [...released.map(([, change]) => change), ...passed];
    },
    dueMs: () => (withheld.size === 0 ? undefined : Math.min(...memory.holds.values())),
    held: () => [...withheld.keys()].sort(compareText),
    heldByCluster() {
      const counts = new Map<ClusterName, number>();
      for (const id of withheld.keys()) {
        const cluster = memory.vanished.get(id)?.slice.cluster;
        if (cluster !== undefined) counts.set(cluster, (counts.get(cluster) ?? 0) + 1);
      }
      return counts;
    },
  };
}

function ownSliceIn({ cluster, id }: ObjectChange): string | undefined {
  return cluster === undefined && id.kind === 'EndpointSlice' ? textOf(id) : undefined;
}

function textOf({ namespace, name }: ObjectId): string {
  return oneText([namespace, name], '/');
}
