import type { ChainPrefix } from '../../compiler/settings.ts';
import type { TableText } from './text/document.ts';
import { jumpTarget, mergeLines, sameLines } from './text/lines.ts';
import type { OwnChains } from './own-chains.ts';
import { chainFromLines } from './chain.ts';
import type { Foreign } from './text/parse.ts';
import { markerOf } from './prefix.ts';
import { type Chain, chainKey, type Hook, type Ruleset, type Table } from './rule.ts';

/**
 * Whose the chains are.
 *
 * Our chains bear kube-proxy's names, and kube-proxy rewrites chains of these names whenever it
 * likes. So what we applied is marked: an empty chain SLICEWRIGHT-OWNER, which nothing jumps to, stands
 * beside ours in both tables. No name, comment or content of the others tells them apart, since
 * equal rules are the point. Nobody else makes a chain of this name, or deletes it without ours;
 * with the mark in one table the other table's chains are ours too. Under a prefix of our own
 * the mark has that prefix too: two of us side by side each know their own.
 */
const markedTables: readonly Table[] = ['filter', 'nat'];

/** kubelet keeps rules in it too, in whatever mode the proxy is. */
const sharedWithKubelet: ReadonlySet<string> = new Set(['KUBE-FIREWALL']);

/** What kubelet makes to notice that tables were flushed, and to show which mode it uses. */
const kubeletChains = /^(?:mangle|filter|nat) KUBE-(?:KUBELET-CANARY|IPTABLES-HINT)$/;

export type Owner = 'nobody' | 'us' | 'another writer';

/** The chains of a backend and our mark. */
export function withMark(own: OwnChains): OwnChains {
  const marker = markerOf(own.prefix);
  return { ...own, isOurs: (table, chain) => chain === marker || own.isOurs(table, chain) };
}

/** found   under the prefix, with the mark if it is there */
export function ownerOf(found: Ruleset, prefix: ChainPrefix): Owner {
  const marker = markerOf(prefix);
  const chains = [...found.chains.values()];
  if (chains.some(({ name }) => name === marker)) return 'us';
  return chains.some(({ name }) => !sharedWithKubelet.has(name)) ? 'another writer' : 'nobody';
}

/** Chains of a kube-proxy that runs beside us: where it works, packets come by. */
export function hasKubeProxy({ chains }: Pick<Foreign, 'chains'>): boolean {
  return chains.includes('nat KUBE-SERVICES');
}

export function hasKubelet({ chains }: Pick<Foreign, 'chains'>): boolean {
  return chains.some((key) => kubeletChains.test(key));
}

/**
 * A document with our mark in each table that it writes to. For one that is written without a
 * reading before it: if everything was flushed meanwhile, chains without a mark would be left, which
 * nobody takes for ours any more. Declaring an empty chain that is there changes nothing.
 */
export function staysMarked<D extends { readonly tables: readonly TableText[] }>(document: D, prefix: ChainPrefix): D {
  const marker = markerOf(prefix);
  const marked = document.tables.map((table) =>
    markedTables.includes(table.name) && !table.declared.includes(marker)
      ? { ...table, declared: [marker, ...table.declared] }
      : table,
  );
  return { ...document, tables: marked };
}

/**
 * What is wanted on a node where others live too.
 *
 *   our mark               stands beside our chains, and goes with them
 *   kubelet's KUBE-FIREWALL  keeps what is in it, besides what we want in it, where there is a kubelet
 *   a chain of ours that a rule of others jumps to  cannot be deleted, so it stays, and is empty
 *
 * program   undefined: nothing of ours shall be left
 */
export function besideOthers(
  program: Ruleset | undefined,
  found: Ruleset,
  foreign: Foreign,
  prefix: ChainPrefix,
): Ruleset {
  const marker = markerOf(prefix);
  const { family } = found;
  const chains = new Map<string, Chain>(program?.chains);
  const hooks: Hook[] = [...(program?.hooks ?? [])];
  const marked = new Set<Table>(program === undefined ? [] : markedTables);
  if (hasKubelet(foreign)) {
    for (const name of sharedWithKubelet) keepShared({ chains, hooks }, found, name);
  }
  for (const { table, line } of foreign.references) {
    const key = chainKey(table, jumpTarget(line) ?? '');
    const target = found.chains.get(key);
    if (target === undefined || chains.has(key)) continue;
    chains.set(key, chainFromLines(family, table, target.name, []));
    // As long as anything of ours is left, it is known to be.
    marked.add(table);
  }
  for (const table of marked) chains.set(chainKey(table, marker), chainFromLines(family, table, marker, []));
  return { family, chains, hooks };
}

/** Lines that may be kubelet's, in the chains that it shares and of the hooks to them: they stay whoever wrote them. */
export function linesOfOthers({ chains, hooks }: Ruleset): string[] {
  const shared = [...sharedWithKubelet];
  return [
    ...shared.flatMap((name) => chains.get(chainKey('filter', name))?.lines ?? []),
    ...hooks.flatMap(({ line }) => (shared.some((name) => line.endsWith(` -j ${name}`)) ? [line] : [])),
  ];
}

/** Lines and hooks that are found stay; those that are wanted join them. */
function keepShared(wanted: { chains: Map<string, Chain>; hooks: Hook[] }, found: Ruleset, name: string): void {
  const key = chainKey('filter', name);
  const there = found.chains.get(key);
  if (there === undefined) return;
  const here = wanted.chains.get(key);
  const lines = mergeLines(there.lines, here?.lines ?? []);
  const isEqual = here !== undefined && sameLines(lines, here.lines);
  wanted.chains.set(key, isEqual ? here : chainFromLines(found.family, 'filter', there.name, lines));
  for (const hook of found.hooks) {
    const leadsThere = hook.table === 'filter' && hook.line.endsWith(` -j ${name}`);
    const isWanted = wanted.hooks.some(
      ({ table, chain, line }) => table === hook.table && chain === hook.chain && line === hook.line,
    );
    if (leadsThere && !isWanted) wanted.hooks.push(hook);
  }
}
