import { editDistance } from '../../compiler/values/nearest.ts';

/**
 * The known path that an unknown one was probably meant to be; undefined when none is similar.
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
