/** Chains of one table by name, each with its lines; kernel chains too, if they hold rules. */
type Tables = ReadonlyMap<string, readonly string[]>;

/** kube-proxy fills these from a map of service ports, in another order in every run. */
const unordered: ReadonlySet<string> = new Set([
  'nat KUBE-SERVICES',
  'nat KUBE-NODEPORTS',
  'filter KUBE-SERVICES',
  'filter KUBE-EXTERNAL-SERVICES',
  'filter KUBE-NODEPORTS',
  'filter KUBE-PROXY-FIREWALL',
  'filter KUBE-IPVS-OUT-FILTER',
]);

/**
 * A save in a form that is equal for equal programs: one string per `table chain`, with its lines
 * joined, and sorted where order has no meaning. A comparison of two such values shows the differences.
 */
export function comparable(save: string): Record<string, string> {
  const chains = [...readSave(save)].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(chains.map(([key, lines]) => [key, arrange(key, lines).join('\n')]));
}

function arrange(key: string, lines: readonly string[]): readonly string[] {
  if (!unordered.has(key)) return lines;
  const isLast = (line: string) => key === 'nat KUBE-SERVICES' && line.endsWith('-j KUBE-NODEPORTS');
  const firstLast = lines.findIndex(isLast);
  const head = firstLast < 0 ? lines : lines.slice(0, firstLast);
  const tail = firstLast < 0 ? [] : lines.slice(firstLast);
  // Everything after the first of the last rules stays in place, so a misplaced rule shows.
  return [...head.toSorted(), ...(tail.every(isLast) ? tail.toSorted() : tail)];
}

/** Reads a save without the parser under test. */
function readSave(save: string): Tables {
  const chains = new Map<string, string[]>();
  let table = '';
  for (const line of save.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    const declared = /^:(\S+) -/.exec(line)?.[1];
    if (declared !== undefined) chains.set(`${table} ${declared}`, []);
    const chain = /^-A (\S+)/.exec(line)?.[1];
    if (chain === undefined) continue;
    const key = `${table} ${chain}`;
    chains.set(key, [...(chains.get(key) ?? []), line]);
  }
  return chains;
}
