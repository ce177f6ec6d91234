import { structuredPatch } from 'diff';

/**
 * One chain that differs, or (chain `hooks`) slicewright's rules in the kernel's chains. In IPVS mode also a
 * virtual server, a set, the addresses of the link or the sysctls, under `chain` as the tool calls it.
 */
export interface PartDiff {
  /** A table of rules, or the tool whose part it is: `nat`, `ipset`. */
  readonly table: string;
  readonly chain: string;
  /** `shop/cart:http`; undefined for what all share. */
  readonly servicePort: string | undefined;
  readonly change: 'created' | 'changed' | 'deleted' | 'hooks';
  readonly removed: number;
  readonly added: number;
  /** `-`, `+` or a space before each rule; unchanged rules only where they are next to a change. */
  readonly lines: readonly string[];
}

/**
 * A part that differs, as a list of one; empty where it does not.
 *
 * from, to   undefined: there is no such part; where the other side has an empty one, that is no difference
 */
export function differenceOf(
  table: string,
  chain: string,
  servicePort: string | undefined,
  before: readonly string[] | undefined,
  after: readonly string[] | undefined,
): PartDiff[] {
  const [from, to] = [before ?? [], after ?? []];
  if (from.length === to.length && from.every((line, i) => line === to[i])) return [];
  const change = before === undefined ? 'created' : after === undefined ? 'deleted' : 'changed';
  return [{ table, chain, servicePort, change, ...count(diffLines({ name: chain, from, to })) }];
}

/** Lines with a sign before each, counted. */
export function count(lines: readonly string[]): Pick<PartDiff, 'removed' | 'added' | 'lines'> {
  const startingWith = (sign: string) => lines.filter((line) => line.startsWith(sign)).length;
  return { removed: startingWith('-'), added: startingWith('+'), lines };
}

/** The most edits that a comparison in order is tried for: its cost grows with lines times edits. */
const maxEditLength = 400;

/** A part's lines, before and after. */
export interface Lines {
  readonly name: string;
  readonly from: readonly string[];
  readonly to: readonly string[];
}

/** The lines that differ, and those next to them. */
export function diffLines({ name, from, to }: Lines): string[] {
  if (from.length === 0) return to.map((line) => `+${line}`);
  if (to.length === 0) return from.map((line) => `-${line}`);
  const text = (lines: readonly string[]) => `${lines.join('\n')}\n`;
  const patch = structuredPatch(name, name, text(from), text(to), '', '', { context: 1, maxEditLength });
  if (patch === undefined) return differenceOfSets(from, to);
  return patch.hunks.flatMap((hunk, i) => (i === 0 ? hunk.lines : [' …', ...hunk.lines]));
}

/** Where too much differs for an orderly comparison: which rules go and which come. */
function differenceOfSets(from: readonly string[], to: readonly string[]): string[] {
  const [was, is] = [new Set(from), new Set(to)];
  return [
    ...from.filter((line) => !is.has(line)).map((line) => `-${line}`),
    ...to.filter((line) => !was.has(line)).map((line) => `+${line}`),
  ];
}
