/**
 * The fewest items that still show something, as far as leaving out neighbours finds them: halves first, then quarters, down to
 * single ones, again until none can go. Of n items of which s must stay it takes about s × log₂ n tries.
 *
 * holds    whether these items, in their order, still show it; all of them do
 * returns  items of which no single one can go
 */
export function shrink<T>(items: readonly T[], holds: (items: readonly T[]) => boolean): readonly T[] {
  if (items.length > 0 && holds([])) return [];
  let kept = items;
  for (let size = Math.ceil(kept.length / 2); size > 1; size = Math.ceil(Math.min(size, kept.length) / 2)) {
    kept = withoutChunks(kept, size, holds);
  }
  for (;;) {
    const fewer = withoutChunks(kept, 1, holds);
    if (fewer.length === kept.length) return kept;
    kept = fewer;
  }
}

function withoutChunks<T>(items: readonly T[], size: number, holds: (items: readonly T[]) => boolean): readonly T[] {
  let kept = items;
  // From the end: what is declared first is needed by what comes later.
  for (let end = items.length; end > 0; end -= size) {
    const candidate = kept.toSpliced(Math.max(end - size, 0), Math.min(size, end));
    if (candidate.length > 0 && holds(candidate)) kept = candidate;
  }
  return kept;
}
