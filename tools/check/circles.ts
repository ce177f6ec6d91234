// Circles of imports: a file that depends on itself cannot be read, tested or moved alone.
import { type Breach, relativeImports } from './imports.ts';

/**
 * One breach per circle, type imports included: the shortest way round, reported at its first file.
 *
 * sources   path from the project's root → text; imports of other files do not count
 */
export function circleBreaches(sources: ReadonlyMap<string, string>): readonly Breach[] {
  const graph = new Map<string, readonly { readonly target: string; readonly line: number }[]>();
  for (const [file, source] of sources) {
    graph.set(
      file,
      relativeImports(file, source).filter(({ target }) => sources.has(target)),
    );
  }
  const told = new Set<string>();
  const breaches: Breach[] = [];
  for (const file of [...graph.keys()].sort()) {
    const way = shortestCircle(file, graph);
    if (way === undefined || way.some((one) => told.has(one))) continue;
    for (const one of way) told.add(one);
    const line = graph.get(file)?.find(({ target }) => target === (way[1] ?? file))?.line ?? 1;
    breaches.push({ file, line, message: `imports itself: ${[...way, file].join(' → ')}` });
  }
  return breaches;
}

/** The files of a shortest way from a file back to it, in order; undefined: there is no such way. */
function shortestCircle(
  start: string,
  graph: ReadonlyMap<string, readonly { readonly target: string }[]>,
): string[] | undefined {
  const from = new Map<string, string>();
  const queue = [start];
  for (const file of queue) {
    for (const { target } of graph.get(file) ?? []) {
      if (target === start) return wayTo(file, start, from);
      if (from.has(target)) continue;
      from.set(target, file);
      queue.push(target);
    }
  }
  return undefined;
}

function wayTo(end: string, start: string, from: ReadonlyMap<string, string>): string[] {
  const way = [end];
  for (let file = end; file !== start; ) {
    file = from.get(file) ?? start;
    way.unshift(file);
  }
  return end === start ? [start] : way;
}
