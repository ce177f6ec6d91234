import { viewOf, type CompilerContext } from './engine.ts';
import type { ObjectChange } from './incremental.ts';
import { attachOwn, serviceOf } from './merge/attach.ts';
import { statedOwnCluster } from './merge/own-cluster.ts';
import { asFields, type Fields } from './model/fields.ts';
import { refOf } from './model/metadata.ts';
import { identify, parseObject } from './model/kinds.ts';
import {
  defaultGuard,
  emptyGuard,
  type GuardedSlice,
  type GuardMemory,
  type GuardSettings,
  guardMassDeletion,
} from './registry/guard.ts';
import { emptyRegistry, findCluster, namesIn, type Registry } from './registry/registry.ts';
import { type ClusterName, compareText, importKey, type ServiceKey } from './values/names.ts';

/** Stands before a compiler and holds deletions back that come in masses (MR-73). */
export interface DeletionGuard<C extends ObjectChange = ObjectChange> {
  /** The changes to apply now: the given ones without held deletions, after those that are held no longer. */
  admit(changes: readonly C[], nowMs: number): C[];
  /** Another registry counts from the next call on. */
  register(registry: Registry): void;
  /** When to ask again even if nothing changes; undefined: nothing is held. */
  dueMs(): number | undefined;
  /** `namespace/name` of the slices that are used although they are gone, sorted. */
  held(): readonly string[];
  /** How many that are of each cluster. */
  heldByCluster(): ReadonlyMap<ClusterName, number>;
}

/**
 * Only slices in our own cluster that speak of another one are guarded: there a restarted controller or a broken control
 * plane deletes what it merely does not know yet. What another cluster's own API server deletes is gone.
 */
export function createDeletionGuard<C extends ObjectChange = ObjectChange>(
  context: Pick<CompilerContext, 'settings' | 'registry'>,
  settings: GuardSettings = defaultGuard,
): DeletionGuard<C> {
  let registry = context.registry ?? emptyRegistry;
  let memory: GuardMemory = emptyGuard;
  const slices = new Map<string, GuardedSlice>();
  const served = new Set<ServiceKey>();
  /** Deletions not passed on. */
  const withheld = new Map<string, C>();

  /** Remembers a change; of a deletion of a guarded slice, its name. */
  function note(change: ObjectChange): string | undefined {
    const fields = asFields(change.object);
    const isOurs = viewOf(change.cluster, { settings: context.settings, registry }) === undefined;
    if (!isOurs || fields === undefined || identify(fields) === undefined) return undefined;
    return change.gone ? noteGone(fields) : notePresent(fields);
  }

  /** Of what is deleted only kind and name need be told. */
  function noteGone(fields: Fields): string | undefined {
    const { kind, namespace = 'default', name } = refOf(fields, String(fields.kind), undefined);
    const id = `${namespace}/${name}`;
    if (kind === 'Service') served.delete(id as ServiceKey);
    if (kind === 'ServiceImport') served.delete(importKey(id as ServiceKey));
    return kind === 'EndpointSlice' && slices.delete(id) ? id : undefined;
  }

  function notePresent(fields: Fields): undefined {
    const object = parseObject(fields, undefined, [], context.settings.serviceProxyName);
    if (object?.kind === 'Service') served.add(object.value.key);
    if (object?.kind === 'ServiceImport') served.add(object.value.service.key);
    if (object?.kind !== 'EndpointSlice') return;
    const id = `${object.value.namespace}/${object.value.name}`;
    const service = serviceOf(object.value);
    const own = statedOwnCluster(context.settings.ownCluster, registry);
    const { source } = attachOwn(object.value, { own, knownClusters: knownNames(), registry });
    if (service === undefined || source.kind === 'own') slices.delete(id);
    else slices.set(id, { id, service, cluster: source.cluster });
    withheld.delete(id);
  }

  function knownNames() {
    return namesIn(registry).sort((a, b) => b.length - a.length || compareText(a, b));
  }

  function judge(nowMs: number): ReadonlySet<string> {
    const facts = {
      isServed: (service: ServiceKey) => served.has(service),
      isRemoved: (cluster: GuardedSlice['cluster']) => findCluster(registry, cluster)?.removed === true,
      nowMs,
    };
    const result = guardMassDeletion(memory, [...slices.values()], facts, settings);
    memory = result.memory;
    return new Set(result.held);
  }

  return {
    admit(changes, nowMs) {
      const deletions = new Map<string, C>();
      const others: C[] = [];
      for (const change of changes) {
        const id = note(change);
        if (id === undefined) others.push(change);
        else deletions.set(id, change);
      }
      const held = judge(nowMs);
      // A slice may be deleted and made again in one batch: then it is there.
      for (const [id, change] of deletions) {
        if (held.has(id)) withheld.set(id, change);
        else if (slices.has(id)) deletions.delete(id);
      }
      const released = [...withheld].filter(([id]) => !held.has(id));
      for (const [id] of released) withheld.delete(id);
      const passed = [...deletions].filter(([id]) => !withheld.has(id));
      return [...released.map(([, change]) => change), ...passed.map(([, change]) => change), ...others];
    },
    register(next) {
      registry = next;
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
