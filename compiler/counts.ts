/** Maps that change step by step, as things come and go. */

export function setOrDelete<K, V>(map: Map<K, V>, key: K, value: V, present: boolean): void {
  if (present) map.set(key, value);
  else map.delete(key);
}

export function setNested<K, L, V>(map: Map<K, Map<L, V>>, outer: K, inner: L, value: V, present: boolean): void {
  const within = map.get(outer) ?? new Map<L, V>();
  setOrDelete(within, inner, value, present);
  setOrDelete(map, outer, within, within.size > 0);
}

/** How many times each thing is there. */
export interface Counts<T> {
  readonly counts: ReadonlyMap<T, number>;
  /** returns  whether the thing came to be there at all, or ceased to be */
  change(thing: T, by: 1 | -1): boolean;
}

export function createCounts<T>(): Counts<T> {
  const counts = new Map<T, number>();
  return {
    counts,
    change(thing, by) {
      const count = (counts.get(thing) ?? 0) + by;
      setOrDelete(counts, thing, count, count > 0);
      return by > 0 ? count === 1 : count === 0;
    },
  };
}
