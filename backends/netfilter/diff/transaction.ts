import type { Family } from '../../../compiler/values/address.ts';
import type { ChainText } from './diff.ts';
import { documentText, type TableText } from '../text/document.ts';
import type { Table } from '../rule.ts';

/** One iptables-restore input. Each of its tables is taken whole, or refused with all that follow. */
export interface RestoreDocument {
  readonly family: Family;
  readonly tables: readonly TableText[];
}

/**
 * Lines of a document, about: what commits together is never cut.
 *
 * In nft mode the cost of a commit grows faster than its size: 70,000 lines take half a minute in
 * one, and less than four seconds in twenty.
 */
export const documentLimit = 4000;

/** What goes into one table in one commit. */
export interface Section {
  readonly chains: readonly ChainText[];
  /** `-D` and `-I` lines of kernel chains. */
  readonly hooks: readonly string[];
  /** Chains to delete. Declaring them empties them, and the commit drops what refers to them. */
  readonly deleted: readonly string[];
}

/** Chains are declared before any rule, so jumps to them resolve; they are deleted after the last. */
export function sectionText(table: Table, { chains, hooks, deleted }: Section): TableText {
  return {
    name: table,
    declared: [...chains.filter(({ declared }) => declared).map(({ name }) => name), ...deleted],
    lines: [...chains.flatMap(({ lines }) => lines), ...hooks, ...deleted.map((name) => `-X ${name}`)],
  };
}

export function isEmptySection({ declared, lines }: TableText): boolean {
  return declared.length + lines.length === 0;
}

export function lineCount(tables: readonly TableText[]): number {
  return tables.reduce((sum, { declared, lines }) => sum + declared.length + lines.length, 0);
}

/** Number of lines that a chain's text is worth. */
export function chainCost({ declared, lines }: ChainText): number {
  return (declared ? 1 : 0) + lines.length;
}

/** Cuts a list into runs of at most `limit` by cost; an item that costs more is a run of its own. */
export function packUpTo<T>(items: readonly T[], costOf: (item: T) => number, limit: number): T[][] {
  const runs: T[][] = [];
  let room = 0;
  for (const item of items) {
    const cost = costOf(item);
    if (runs.length === 0 || cost > room) {
      runs.push([]);
      room = limit;
    }
    runs.at(-1)?.push(item);
    room -= cost;
  }
  return runs;
}

/** A chain that no packet gets to may be filled bit by bit: declared with the first part, the rest appended. */
export function cutChain(chain: ChainText, limit: number): ChainText[] {
  if (chainCost(chain) <= limit) return [chain];
  const parts: ChainText[] = [];
  // One line of a document is the declaration.
  const size = limit - 1;
  for (let start = 0; start < chain.lines.length; start += size) {
    parts.push({ ...chain, declared: start === 0 && chain.declared, lines: chain.lines.slice(start, start + size) });
  }
  return parts;
}

/** The standard input of iptables-restore. */
export function restoreText({ tables }: RestoreDocument): string {
  return documentText(tables);
}
