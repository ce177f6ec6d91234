import { commonLines } from '../text/lines.ts';
import { alwaysWhole, type ChainText } from './diff.ts';

/** Lines of one place of a long chain, and the lines that replace them. */
export interface Patch {
  /** The place in the unpatched chain of the first of these lines, or of the lines to insert. */
  readonly place: number;
  readonly from: readonly string[];
  readonly to: readonly string[];
}

/** A list with patches, in order of their places. It is copied and not looked at. */
export function patched<T>(
  list: readonly T[],
  patches: readonly { readonly place: number; readonly from: readonly unknown[]; readonly to: readonly T[] }[],
): readonly T[] {
  const parts: T[][] = [];
  let done = 0;
  for (const { place, from, to } of patches) {
    parts.push(list.slice(done, place), [...to]);
    done = place + from.length;
  }
  return patches.length === 0 ? list : [...parts, list.slice(done)].flat();
}

/**
 * The lines that patch a chain: what `chainText` gives for the two states, made from the patches alone.
 *
 * patches   in order of their places. Outside them no line is one of theirs
 */
export function patchText(
  name: string,
  from: readonly string[],
  to: readonly string[],
  patches: readonly Patch[],
): ChainText | undefined {
  const commons = patches.map((patch) => ({ ...patch, kept: commonLines(patch.from, patch.to) }));
  const edits = commons.reduce((sum, one) => sum + one.from.length + one.to.length - 2 * one.kept.length, 0);
  if (edits === 0) return undefined;
  const isShort = from.length <= alwaysWhole || to.length <= alwaysWhole;
  // If two lines are equal, the kernel deletes the first, even if the other was meant.
  const isAmbiguous = patches.some((patch) => new Set(patch.from).size < patch.from.length);
  if (isShort || isAmbiguous || edits * 4 > to.length) return { name, declared: true, lines: to };
  const leaving: string[] = [];
  const coming: string[] = [];
  const last = lastKept(from.length, to.length, commons);
  let moved = 0;
  for (const { place, from: old, to: young, kept } of commons) {
    const keptFrom = new Set(kept.map(([i]) => i));
    const keptTo = new Set(kept.map(([, j]) => j));
    old.forEach((line, i) => {
      if (!keptFrom.has(i)) leaving.push(`-D${line.slice(2)}`);
    });
    young.forEach((line, j) => {
      if (keptTo.has(j)) return;
      const index = place + moved + j;
      // Deletions are done and all before this place is in place, so position and index agree.
      coming.push(index >= last ? line : `-I ${name} ${index + 1}${line.slice(3 + name.length)}`);
    });
    moved += young.length - old.length;
  }
  return { name, declared: false, lines: [...leaving, ...coming] };
}

/** Place of the last line that stays, in the chain with all patches: what comes after it is appended. */
function lastKept(
  length: number,
  newLength: number,
  patches: readonly (Patch & { readonly kept: readonly (readonly [number, number])[] })[],
): number {
  let [end, newEnd] = [length, newLength];
  for (const { place, from, to, kept } of patches.toReversed()) {
    if (place + from.length < end) break;
    [end, newEnd] = [place, newEnd - to.length];
    const inside = kept.at(-1);
    if (inside !== undefined) return newEnd + inside[1];
  }
  return newEnd - 1;
}
