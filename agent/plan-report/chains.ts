import { structuredPatch } from 'diff';
import type { ChainChange, TableDiff } from '../../backends/netfilter/diff.ts';
import type { Owners } from '../../backends/netfilter/owners.ts';
import { type Table, tables } from '../../backends/netfilter/rule.ts';

/** Where something differs: a table of rules, or one of the tools of IPVS mode. */
export type Place = Table | 'ipvs' | 'ipset' | 'ip' | 'sysctl';

/**
 * One chain that differs, or (chain `hooks`) our rules in the kernel's chains. In IPVS mode also a
 * virtual server, a set, the addresses of the link or the sysctls, under `chain` as the tool calls it.
 */
export interface ChainDiff {
  readonly table: Place;
  readonly chain: string;
  /** `shop/cart:http`; undefined for what all share. */
  readonly servicePort: string | undefined;
  readonly change: 'created' | 'changed' | 'deleted' | 'hooks';
  readonly removed: number;
  readonly added: number;
  /** `-`, `+` or a space before each rule; unchanged rules only where they are next to a change. */
  readonly lines: readonly string[];
}

/** All chains that differ, table by table, shared ones first, then by Service port. */
export function diffChains(diffs: Readonly<Record<Table, TableDiff>>, owners: Owners): ChainDiff[] {
  return tables.flatMap((table) => {
    const { created, changed, deleted, hooks } = diffs[table];
    const describe = (change: ChainDiff['change']) => (chain: ChainChange) => ({
      table,
      chain: chain.name,
      servicePort: owners.ofChain(table, chain.name),
      change,
      ...count(diffLines(chain)),
    });
    const chains = [
      ...created.map(describe('created')),
      ...changed.map(describe('changed')),
      ...deleted.map(describe('deleted')),
    ].sort((a, b) => compareKeys(sortKey(a), sortKey(b)));
    if (hooks.length === 0) return chains;
    // `-I` and `-D` become the rule itself with a sign before it.
    const lines = hooks.map((line) => `${line.startsWith('-D') ? '-' : '+'}-A${line.slice(2)}`);
    return [{ table, chain: 'hooks', servicePort: undefined, change: 'hooks' as const, ...count(lines) }, ...chains];
  });
}

function sortKey({ servicePort, chain }: { servicePort: string | undefined; chain: string }): string {
  return servicePort === undefined ? ` ${chain}` : `${servicePort} ${chain}`;
}

function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Lines with a sign before each, counted. */
export function count(lines: readonly string[]): Pick<ChainDiff, 'removed' | 'added' | 'lines'> {
  const startingWith = (sign: string) => lines.filter((line) => line.startsWith(sign)).length;
  return { removed: startingWith('-'), added: startingWith('+'), lines };
}

/** The most edits that a comparison in order is tried for: its cost grows with lines times edits. */
const maxEditLength = 400;

/** The lines that differ, and those next to them. */
export function diffLines({ name, from, to }: ChainChange): string[] {
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

/** How a terminal shows a difference; each is text to text. */
export interface Paint {
  readonly heading: (text: string) => string;
  readonly added: (text: string) => string;
  readonly removed: (text: string) => string;
}

/** The differences as text, at most about `maxLines` of it; what is left out is counted. */
export function chainDiffsText(diffs: readonly ChainDiff[], paint: Paint, maxLines: number): string {
  const lines: string[] = [];
  for (const [i, diff] of diffs.entries()) {
    if (lines.length + diff.lines.length > maxLines && i > 0) {
      const rest = diffs.slice(i);
      const rules = rest.reduce((sum, { removed, added }) => sum + removed + added, 0);
      lines.push(`… and ${rest.length} more chains with ${rules} changed rules: --format json or --out has them all`);
      break;
    }
    const owner = diff.servicePort === undefined ? '' : ` (${diff.servicePort})`;
    const change = diff.change === 'hooks' ? '' : ` ${diff.change}`;
    lines.push(paint.heading(`${diff.table} ${diff.chain}${owner}${change}`));
    const shown = diff.lines.slice(0, maxLines);
    for (const line of shown) {
      lines.push(line.startsWith('+') ? paint.added(line) : line.startsWith('-') ? paint.removed(line) : line);
    }
    if (shown.length < diff.lines.length) lines.push(`… and ${diff.lines.length - shown.length} more lines`);
  }
  return lines.map((line) => `${line}\n`).join('');
}
