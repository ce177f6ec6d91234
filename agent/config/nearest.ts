/**
 * The known path that an unknown one was probably meant to be; undefined when nothing is near.
 * A right last part in a wrong section counts as near: `masqueradeAll` is `iptables.masqueradeAll`.
 */
export function nearestPath(path: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = 1 + Math.floor(path.length / 4);
  for (const candidate of known) {
    const distance = Math.min(
      editDistance(path.toLowerCase(), candidate.toLowerCase()),
      editDistance(lastPart(path), lastPart(candidate)) + 1,
    );
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1).toLowerCase();
}

/** Levenshtein's distance: how many letters to add, drop or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
