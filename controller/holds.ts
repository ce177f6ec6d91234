import type { ClusterName } from '../compiler/values/names.ts';
import type { ClusterView } from './core/world.ts';

export interface HoldTimes {
  /** How long copies stay when their source says that it has no slices any more. */
  readonly holdMs: number;
}

/** Fewer copies than this vanish without suspicion. source: CC-8 */
const suspiciousCount = 20;

/**
 * Holds back deletions that look like a mistake (CC-8): of copies whose source had many slices and says that it has none, or
 * is not registered any more. They are made after a while, if a later, direct answer of the source confirms them.
 */
export interface Holds {
  isHeld(source: ClusterName): boolean;
  /** Sources to ask once more, directly. */
  unconfirmed(): readonly ClusterName[];
  /** A later answer of the source: isEmpty confirms its earlier one. */
  answered(source: ClusterName, isEmpty: boolean): void;
  /** The sources held now, with the largest number of copies that one consumer has of each. */
  held(): ReadonlyMap<ClusterName, number>;
}

interface Hold {
  readonly sinceMs: number;
  readonly copies: number;
  readonly isConfirmed: boolean;
}

export function createHolds(
  members: ReadonlyMap<ClusterName, ClusterView>,
  views: () => readonly ClusterView[],
  nowMs: () => number,
  { holdMs }: HoldTimes,
): Holds {
  const holds = new Map<ClusterName, Hold>();

  function judge(source: ClusterName): Hold | undefined {
    const view = members.get(source);
    const before = holds.get(source);
    // During a confirmed deletion the number of copies falls, which must not end it.
    if (before?.isConfirmed === true && (view === undefined || view.collectableCount() === 0)) return before;
    const copies = Math.max(0, ...views().map((each) => each.copiesFrom(source)));
    const isSuspicious = view === undefined ? copies > 0 : view.collectableCount() === 0 && copies >= suspiciousCount;
    if (!isSuspicious) {
      holds.delete(source);
      return undefined;
    }
    const hold = before ?? { sinceMs: nowMs(), copies, isConfirmed: false };
    holds.set(source, hold);
    return hold;
  }

  const isOver = ({ sinceMs }: Hold): boolean => nowMs() - sinceMs >= holdMs;

  return {
    isHeld(source) {
      const hold = judge(source);
      if (hold === undefined) return false;
      return !isOver(hold) || !(hold.isConfirmed || members.get(source) === undefined);
    },
    unconfirmed: () =>
      [...holds]
        .filter(([source, hold]) => isOver(hold) && !hold.isConfirmed && members.has(source))
        .map(([source]) => source),
    answered(source, isEmpty) {
      const hold = holds.get(source);
      if (hold === undefined) return;
      if (isEmpty) holds.set(source, { ...hold, isConfirmed: true });
      else holds.delete(source);
    },
    held: () =>
      new Map(
        [...holds]
          .filter(([source, hold]) => !isOver(hold) || (!hold.isConfirmed && members.has(source)))
          .map(([source, { copies }]) => [source, copies]),
      ),
  };
}
