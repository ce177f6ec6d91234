import type { UnitEntry } from '../program/program.ts';
import type { SetEntry, SetId } from '../program/sets.ts';

/** How many units want each thing. */
export interface Tally<Key> {
  of(key: Key): number;
  add(key: Key, by: number): void;
  /** Things that some unit wants. */
  readonly size: number;
  keys(): Iterable<Key>;
}

export function createTally<Key>(): Tally<Key> {
  const counts = new Map<Key, number>();
  return {
    of: (key) => counts.get(key) ?? 0,
    add(key, by) {
      const count = (counts.get(key) ?? 0) + by;
      if (count === 0) counts.delete(key);
      else counts.set(key, count);
    },
    get size() {
      return counts.size;
    },
    keys: () => counts.keys(),
  };
}

/** The same of entries, set by set. */
export interface EntryTally {
  of(set: SetId, entry: SetEntry): number;
  add(entry: UnitEntry, by: number): void;
  /** Entries of a set that some unit wants. */
  size(set: SetId): number;
  all(): Iterable<readonly [SetId, Tally<SetEntry>]>;
}

export function createEntryTally(): EntryTally {
  const sets = new Map<SetId, Tally<SetEntry>>();
  return {
    of: (set, entry) => sets.get(set)?.of(entry) ?? 0,
    add({ set, entry }, by) {
      const tally = sets.get(set) ?? createTally<SetEntry>();
      sets.set(set, tally);
      tally.add(entry, by);
    },
    size: (set) => sets.get(set)?.size ?? 0,
    all: () => sets,
  };
}
