import { type ClusterName, compareText, type ServiceKey } from '../values/names.ts';

/** What the guard needs to know about a remote slice. `id` is unique in the local cluster: `namespace/name`. */
export interface GuardedSlice {
  readonly id: string;
  readonly service: ServiceKey;
  readonly cluster: ClusterName;
}

export interface GuardSettings {
  /** Removals are counted over this time. */
  readonly windowMs: number;
  /** Acts only if slices of at least this many Services vanish … */
  readonly minServices: number;
  /** … and at least this part of the cluster's slices: 0.5 is a half. */
  readonly minPart: number;
  /** How long vanished slices are held. */
  readonly holdMs: number;
}

/** source: MR-73. */
export const defaultGuard: GuardSettings = { windowMs: 30_000, minServices: 20, minPart: 0.5, holdMs: 120_000 };

/** Slices that are gone from the API, and when they went. */
export interface GuardMemory {
  readonly present: ReadonlyMap<string, GuardedSlice>;
  readonly vanished: ReadonlyMap<string, { readonly slice: GuardedSlice; readonly atMs: number }>;
  /** Clusters whose vanished slices are held, and until when. */
  readonly holds: ReadonlyMap<ClusterName, number>;
}

export const emptyGuard: GuardMemory = { present: new Map(), vanished: new Map(), holds: new Map() };

export interface GuardResult {
  readonly memory: GuardMemory;
  /** Slices that are used although they are gone: sorted ids. */
  readonly held: readonly string[];
}

/**
 * Holds back slices that vanish in masses (MR-73).
 *
 * A restarted controller with an unsynced cache, or a broken control plane, deletes the slices of a
 * whole cluster at once while its pods are well. So when at least `minServices` Services and
 * `minPart` of one cluster's slices lose slices within `windowMs`, all that vanished in that window
 * stay in use for `holdMs`. Never delayed: a single Service, a slice whose Service is deleted here,
 * a cluster that was unregistered.
 *
 * isServed    whether the slice's Service still exists in this cluster
 * isRemoved   whether the cluster was unregistered
 */
export function guardMassDeletion(
  memory: GuardMemory,
  slices: readonly GuardedSlice[],
  facts: {
    readonly isServed: (service: ServiceKey) => boolean;
    readonly isRemoved: (cluster: ClusterName) => boolean;
    readonly nowMs: number;
  },
  settings: GuardSettings = defaultGuard,
): GuardResult {
  const { nowMs } = facts;
  const present = new Map(slices.map((slice) => [slice.id, slice]));
  const vanished = new Map(memory.vanished);
  for (const [id, slice] of memory.present) if (!present.has(id)) vanished.set(id, { slice, atMs: nowMs });

  const holds = new Map([...memory.holds].filter(([cluster, untilMs]) => untilMs > nowMs && !facts.isRemoved(cluster)));
  for (const [id, { slice, atMs }] of vanished) {
    const returned = present.has(id);
    const deliberate = !facts.isServed(slice.service) || facts.isRemoved(slice.cluster);
    const old = nowMs - Math.min(atMs, nowMs) > settings.windowMs && !holds.has(slice.cluster);
    if (returned || deliberate || old) vanished.delete(id);
  }

  for (const cluster of clustersOf(vanished)) {
    if (!holds.has(cluster) && isMassive(cluster, present, vanished, settings))
      holds.set(cluster, nowMs + settings.holdMs);
  }
  const held = [...vanished].filter(([, { slice }]) => holds.has(slice.cluster)).map(([id]) => id);
  return { memory: { present, vanished, holds }, held: held.sort(compareText) };
}

function clustersOf(vanished: GuardMemory['vanished']): ClusterName[] {
  return [...new Set([...vanished.values()].map(({ slice }) => slice.cluster))].sort(compareText);
}

function isMassive(
  cluster: ClusterName,
  present: ReadonlyMap<string, GuardedSlice>,
  vanished: GuardMemory['vanished'],
  settings: GuardSettings,
): boolean {
  const gone = [...vanished.values()].filter(({ slice }) => slice.cluster === cluster);
  const services = new Set(gone.map(({ slice }) => slice.service));
  const left = [...present.values()].filter((slice) => slice.cluster === cluster).length;
  return services.size >= settings.minServices && gone.length >= settings.minPart * (gone.length + left);
}
