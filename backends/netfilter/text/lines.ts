/** The chain that a saved rule leads to, slicewright's or a target such as ACCEPT: the last word after `-j` or `-g`. */
export function jumpTarget(line: string): string | undefined {
  const at = line.lastIndexOf(' ');
  const option = line.slice(Math.max(at - 3, 0), at);
  if ((option !== ' -j' && option !== ' -g') || at + 1 === line.length) return undefined;
  // A comment cannot look like it: one of several words ends in a quote.
  return line.includes('"', at) ? undefined : line.slice(at + 1);
}

export function sameLines(a: readonly string[], b: readonly string[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * The places of a longest run of lines that both lists have in the same order, as pairs.
 *
 * A line that occurs several times is paired first with first, second with second. For lists
 * without repetitions the run is the longest there is; the cost is n log n whatever the number of
 * differences, where a general diff would take the product of both.
 */
export function commonLines(a: readonly string[], b: readonly string[]): [number, number][] {
  const places = new Map<string, number[]>();
  for (let i = a.length - 1; i >= 0; i--) {
    const line = a[i] as string;
    const known = places.get(line);
    if (known === undefined) places.set(line, [i]);
    else known.push(i);
  }
  const pairs: [number, number][] = [];
  b.forEach((line, j) => {
    const i = places.get(line)?.pop();
    if (i !== undefined) pairs.push([i, j]);
  });
  return longestRising(pairs);
}

/** The longest part of the pairs, in order, whose first numbers rise: patience sorting. */
function longestRising(pairs: readonly [number, number][]): [number, number][] {
  /** Index of the pair that ends the best run of each length, and for every pair the one before it. */
  const ends: number[] = [];
  const before: (number | undefined)[] = [];
  pairs.forEach(([place], index) => {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((pairs[ends[middle] as number] as [number, number])[0] < place) low = middle + 1;
      else high = middle;
    }
    before[index] = ends[low - 1];
    ends[low] = index;
  });
  const run: [number, number][] = [];
  for (let index = ends.at(-1); index !== undefined; index = before[index]) run.push(pairs[index] as [number, number]);
  return run.reverse();
}

/**
 * One list that holds all lines of both in both orders, shared lines once where the orders
 * agree. For any condition, the first line of it that fits is the first one that fits in `a`,
 * or the first one that fits in `b`.
 */
export function mergeLines(a: readonly string[], b: readonly string[]): string[] {
  const merged: string[] = [];
  let i = 0;
  let j = 0;
  for (const [nextA, nextB] of [...commonLines(a, b), [a.length, b.length]] as const) {
    while (i < nextA) merged.push(a[i++] as string);
    while (j < nextB) merged.push(b[j++] as string);
    if (nextA < a.length) merged.push(a[nextA] as string);
    i = nextA + 1;
    j = nextB + 1;
  }
  return merged;
}
