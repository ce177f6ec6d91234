import { count, diffLines, type PartDiff } from '../../planning/differences.ts';
import type { ChainChange, TableDiff } from './diff.ts';
import type { Owners } from '../owners.ts';
import { type Table, tables } from '../rule.ts';

/** All chains that differ, table by table, shared ones first, then by Service port. */
export function diffChains(diffs: Readonly<Record<Table, TableDiff>>, owners: Owners): PartDiff[] {
  return tables.flatMap((table) => {
    const { created, changed, deleted, hooks } = diffs[table];
    const describe = (change: PartDiff['change']) => (chain: ChainChange) => ({
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
