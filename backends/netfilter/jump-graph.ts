import { type Ruleset, type Table } from './rule.ts';

/**
 * Which chains of a program lead to which. Chains are numbers, in the order of `Ruleset.chains`: a large program has 60,000
 * chains and twice as many jumps, and keys of them as text would be most of the cost of a walk.
 */
export interface JumpGraph {
  readonly size: number;
  /** undefined: the table has no such chain. */
  readonly numberOf: (table: Table, name: string) => number | undefined;
  /** Chain i leads to the chains in `targets` from place `starts[i]` on, up to `starts[i + 1]`: one for each line that jumps. */
  readonly starts: Uint32Array;
  readonly targets: Uint32Array;
}

/**
 * onOther   called for each line that does not jump to a chain of the program
 *           word   its target; undefined: the rule only counts
 */
export function jumpGraphOf(
  { chains }: Pick<Ruleset, 'chains'>,
  onOther: (chain: number, word: string | undefined) => void,
): JumpGraph {
  const byTable = new Map<string, Map<string, number>>();
  let [size, lineCount] = [0, 0];
  chains.forEach((chain, key) => {
    const [table, name] = key === chain.key ? [chain.table, chain.name] : splitKey(key);
    const names = byTable.get(table) ?? new Map<string, number>();
    byTable.set(table, names.set(name, size));
    size++;
    lineCount += chain.lines.length;
  });
  const starts = new Uint32Array(size + 1);
  const targets = new Uint32Array(lineCount);
  let [number, jumps] = [0, 0];
  chains.forEach(({ table, lines }) => {
    const names = byTable.get(table);
    for (const line of lines) {
      const word = targetWord(line);
      const target = word === undefined ? undefined : names?.get(word);
      if (target === undefined) onOther(number, word);
      else targets[jumps++] = target;
    }
    starts[++number] = jumps;
  });
  return { size, numberOf: (table, name) => byTable.get(table)?.get(name), starts, targets };
}

/** Of a chain that is kept under the name of another one, which the check reports. */
function splitKey(key: string): [string, string] {
  const at = key.indexOf(' ');
  return [key.slice(0, at), key.slice(at + 1)];
}

/** The word after the last `-j`: nothing that follows it holds one. undefined: the rule only counts. */
export function targetWord(line: string): string | undefined {
  const last = line.lastIndexOf(' ');
  if (line.endsWith(' -j', last)) return line.slice(last + 1);
  const at = line.lastIndexOf(' -j ');
  if (at < 0) return undefined;
  const end = line.indexOf(' ', at + 4);
  return end < 0 ? line.slice(at + 4) : line.slice(at + 4, end);
}

/** A circle of jumps, as numbers, the first again at the end; undefined if there is none. */
export function findCycle({ size, starts, targets }: JumpGraph): readonly number[] | undefined {
  const isFinished = new Uint8Array(size);
  const path: number[] = [];
  const walk = (chain: number): readonly number[] | undefined => {
    if (isFinished[chain] === 1) return undefined;
    if (path.includes(chain)) return [...path.slice(path.indexOf(chain)), chain];
    path.push(chain);
    for (let at = starts[chain]!; at < starts[chain + 1]!; at++) {
      const cycle = walk(targets[at]!);
      if (cycle !== undefined) return cycle;
    }
    path.pop();
    isFinished[chain] = 1;
    return undefined;
  };
  for (let chain = 0; chain < size; chain++) {
    const cycle = walk(chain);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
