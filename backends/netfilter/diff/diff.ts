import { canonicalLine } from '../text/canonical.ts';
import { commonLines, sameLines } from '../text/lines.ts';
import { parseRule } from '../text/parse-rule.ts';
import type { Family } from '../../../compiler/values/address.ts';
import { type KernelChain, type Ruleset, type Table, tables } from '../rule.ts';
import { kernelChains } from '../kernel-chains.ts';

/** What one table holds of slicewright's, as text: all that a change of it depends on. */
export interface TableState {
  /** Lines by chain name. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  readonly hooks: readonly { readonly chain: KernelChain; readonly line: string }[];
}

/** The difference between two states of a table. Chains are sorted by name. */
export interface TableDiff {
  readonly created: readonly ChainChange[];
  readonly changed: readonly ChainChange[];
  readonly deleted: readonly ChainChange[];
  /** `-D` and `-I` lines that set the hooks right. */
  readonly hooks: readonly string[];
}

/** `from` is empty for a new chain and `to` for one that goes. */
export interface ChainChange {
  readonly name: string;
  readonly from: readonly string[];
  readonly to: readonly string[];
}

/** Remembered, and each table sorted out when it is asked for: a large program has 30,000 chains in nat. */
const knownStates = new WeakMap<Ruleset, Map<Table, TableState>>();

export function tableState(ruleset: Ruleset, table: Table): TableState {
  const known = knownStates.get(ruleset) ?? new Map<Table, TableState>();
  const state = known.get(table) ?? sortOut(ruleset, table);
  knownStates.set(ruleset, known.set(table, state));
  return state;
}

function sortOut(ruleset: Ruleset, table: Table): TableState {
  const chains = new Map<string, readonly string[]>();
  // forEach, here and below, because iterating makes a pair of each of those chains.
  ruleset.chains.forEach((chain) => {
    if (chain.table === table) chains.set(chain.name, chain.lines);
  });
  return { chains, hooks: hooksOf(ruleset, table) };
}

function hooksOf({ hooks }: Ruleset, table: Table): TableState['hooks'] {
  return hooks.filter((hook) => hook.table === table);
}

export function diffTable(family: Family, from: TableState, to: TableState): TableDiff {
  const changes = createChanges(family);
  to.chains.forEach((lines, name) => changes.compare(name, from.chains.get(name), lines));
  from.chains.forEach((lines, name) => {
    if (!to.chains.has(name)) changes.compare(name, lines, undefined);
  });
  return changes.diff(from.hooks, to.hooks);
}

/** {@link diffTable} of two programs, without sorting them out for it. */
export function diffIn(table: Table, from: Ruleset, to: Ruleset): TableDiff {
  const changes = createChanges(to.family);
  to.chains.forEach((chain, key) => {
    if (chain.table !== table) return;
    const before = from.chains.get(key);
    if (chain !== before) changes.compare(chain.name, before?.lines, chain.lines);
  });
  from.chains.forEach((chain, key) => {
    if (chain.table === table && !to.chains.has(key)) changes.compare(chain.name, chain.lines, undefined);
  });
  return changes.diff(hooksOf(from, table), hooksOf(to, table));
}

const none: readonly string[] = [];

/** Gathers a difference chain by chain; undefined: not in the program. */
function createChanges(family: Family) {
  const created: ChainChange[] = [];
  const changed: ChainChange[] = [];
  const deleted: ChainChange[] = [];
  return {
    /** An untouched chain is the same array in the old program and the new one, so most cost one comparison. */
    compare(name: string, from: readonly string[] | undefined, to: readonly string[] | undefined): void {
      if (to === undefined) deleted.push({ name, from: from ?? none, to: none });
      else if (from === undefined) created.push({ name, from: none, to });
      else if (!sameRules(family, from, to)) changed.push({ name, from, to });
    },
    diff: (from: TableState['hooks'], to: TableState['hooks']): TableDiff => ({
      created: byName(created),
      changed: byName(changed),
      deleted: byName(deleted),
      hooks: diffHooks(family, from, to),
    }),
  };
}

/** Lines that another version of the tools prints differently are compared by their meaning. */
function sameRules(family: Family, found: readonly string[], wanted: readonly string[]): boolean {
  if (sameLines(found, wanted)) return true;
  return (
    found.length === wanted.length &&
    found.every((line, i) => line === wanted[i] || canonicalLine(family, line) === wanted[i])
  );
}

/** A function to compare takes three times as long to sort 60,000 of them. Names are ASCII, in whose order they sort without. */
function byName(changes: readonly ChainChange[]): ChainChange[] {
  const named = new Map(changes.map((change) => [change.name, change]));
  return [...named.keys()].sort().map((name) => named.get(name) as ChainChange);
}

/**
 * Other programs' rules are between slicewright's hooks, at unknown places, so the only place that slicewright can
 * name is the top. The hooks that stay are the longest tail of those wanted that is found in this
 * order; all others are deleted by their text and those wanted in front of the tail inserted.
 */
function diffHooks(family: Family, from: TableState['hooks'], to: TableState['hooks']): string[] {
  return kernelChains.flatMap((chain) => {
    const found = linesOf(from, chain);
    const wanted = linesOf(to, chain);
    const stays = sameRules(family, found, wanted) ? found.length : commonTail(found, wanted);
    const tail = wanted.slice(wanted.length - stays);
    const leaving = found.filter((line) => !tail.includes(line));
    const missing = wanted.slice(0, wanted.length - stays).reverse();
    return [...leaving.map((line) => `-D${line.slice(2)}`), ...missing.map((line) => `-I${line.slice(2)}`)];
  });
}

/** How many of the last wanted lines are found in the same order. */
function commonTail(found: readonly string[], wanted: readonly string[]): number {
  // Deleting by text takes the first of two equal lines, whichever was meant: then none stays.
  if (new Set(found).size < found.length) return 0;
  let length = 0;
  for (let at = found.length; length < wanted.length; length++) {
    const place = found.indexOf(wanted[wanted.length - 1 - length] as string);
    if (place < 0 || place >= at) break;
    at = place;
  }
  return length;
}

function linesOf(hooks: TableState['hooks'], chain: KernelChain): string[] {
  return hooks.filter((hook) => hook.chain === chain).map((hook) => hook.line);
}

/** One chain's part of a commit: whether it is declared, which creates or empties it, and its lines. */
export interface ChainText {
  readonly name: string;
  readonly declared: boolean;
  readonly lines: readonly string[];
}

/** Chains up to this length are always written whole: that sets right whatever is in them, and costs nothing. */
export const alwaysWhole = 32;

/**
 * The lines that turn a chain into what it should be: in place where little changes in a long
 * chain, else from nothing.
 *
 * A node's dispatch chains hold a rule for every frontend. Rewriting one of 5,000 rules takes
 * half a second in nft mode, so a new Service is entered by position and one that goes is deleted
 * by its text: if the rule is not there, because another writer was, the commit is refused.
 */
export function chainText(family: Family, { name, from, to }: ChainChange): ChainText {
  return editInPlace(family, name, from, to) ?? { name, declared: true, lines: to };
}

function editInPlace(
  family: Family,
  name: string,
  from: readonly string[],
  to: readonly string[],
): ChainText | undefined {
  if (from.length <= alwaysWhole || to.length <= alwaysWhole) return undefined;
  // If two lines are equal, the kernel deletes the first, even if the other was meant.
  if (new Set(from).size < from.length) return undefined;
  const kept = commonLines(from, to);
  const edits = from.length + to.length - 2 * kept.length;
  if (edits * 4 > to.length) return undefined;
  const keptFrom = new Set(kept.map(([i]) => i));
  const keptTo = new Set(kept.map(([, j]) => j));
  const leaving = from.filter((_, i) => !keptFrom.has(i));
  // A line that another program wrote into slicewright's chain may not read back as it is shown.
  if (leaving.some((line) => parseRule(family, line) === undefined)) return undefined;
  const lines = leaving.map((line) => `-D${line.slice(2)}`);
  to.forEach((line, j) => {
    if (keptTo.has(j)) return;
    // Deletions are done and all before this place is in place, so position and index agree.
    lines.push(j >= lastKept(kept) ? line : `-I ${name} ${j + 1}${line.slice(3 + name.length)}`);
  });
  return { name, declared: false, lines };
}

function lastKept(kept: readonly [number, number][]): number {
  return kept.at(-1)?.[1] ?? -1;
}

export function isEmptyDiff({ created, changed, deleted, hooks }: TableDiff): boolean {
  return created.length + changed.length + deleted.length + hooks.length === 0;
}

export function diffRulesets(from: Ruleset, to: Ruleset): Readonly<Record<Table, TableDiff>> {
  const diffs = tables.map((table) => [table, diffIn(table, from, to)] as const);
  return Object.fromEntries(diffs) as Record<Table, TableDiff>;
}
