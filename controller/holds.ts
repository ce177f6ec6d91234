import type { ClusterName } from '../compiler/values/names.ts';
import type { ClusterView } from './core/world.ts';

export interface HoldTimes {
  /** How long copies stay of a source that says it has nothing any more. */
  readonly holdMs: number;
}

/** Fewer copies than this vanish without suspicion. source: CC-8 */
const suspiciousCount = 20;

/**
 * Holds back deletions that look like a mistake (CC-8): a source that had many slices and says that it has none, or
 * that is not registered any more. They are made after a while, if a later, fresh answer of the source says the same.
 */
export interface Holds {
  isHeld(source: ClusterName): boolean;
  /** Sources to ask once more, now. */
  unconfirmed(): readonly ClusterName[];
  /** A later answer of the source said the same, or another thing. */
  answered(source: ClusterName, isEmpty: boolean): void;
  /** Those held now, with how many copies the fullest consumer has of each. */
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
    // While they are being deleted there are fewer and fewer.
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
