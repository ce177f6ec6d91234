import type { ChainPrefix } from '../../compiler/settings.ts';
import type { TableText } from './text/document.ts';
import { jumpTarget, mergeLines, sameLines } from './text/lines.ts';
import type { OwnChains } from './own-chains.ts';
import { chainFromLines } from './chain.ts';
import type { Foreign, ForeignRule } from './text/parse.ts';
import { kubeNameOf, markerOf, underPrefix } from './prefix.ts';
import { type Chain, chainKey, type ChainName, type Hook, type Ruleset, type Table } from './rule.ts';

/**
 * Which program owns the chains.
 *
 * Slicewright's chains bear kube-proxy's names, and kube-proxy rewrites chains of these names whenever it
 * likes. So slicewright marks what it applied: an empty chain SLICEWRIGHT-OWNER, which no rule jumps to, stands
 * beside its chains in both tables. No name, comment or content could tell them from kube-proxy's, since
 * equal rules are the point. No other program makes a chain of this name, or deletes it without slicewright's chains;
 * with the mark in one table the other table's chains are slicewright's too. Under a prefix of its own
 * the mark has that prefix too: two slicewrights side by side each know their own chains.
 */
const markedTables: readonly Table[] = ['filter', 'nat'];

/** kubelet makes them too, in whatever mode the proxy is. Only kube-proxies before 1.24 made KUBE-MARK-DROP. */
const sharedWithKubelet: ReadonlyMap<string, Table> = new Map([
  ['KUBE-FIREWALL', 'filter'],
  ['KUBE-MARK-DROP', 'nat'],
]);

/**
 * Chains that other programs' rules may call: they mark a packet for a rule elsewhere. CNI plugins and kubelet's host ports
 * do. Emptied, they would change what those rules mean.
 */
const markMasquerade = 'KUBE-MARK-MASQ';
const marking: ReadonlySet<string> = new Set([markMasquerade, 'KUBE-MARK-DROP']);
/** Masquerades what KUBE-MARK-MASQ marks. */
const postrouting = 'KUBE-POSTROUTING';

/** What kubelet makes to notice that tables were flushed, and to show which mode it uses. */
const kubeletChains = /^(?:mangle|filter|nat) KUBE-(?:KUBELET-CANARY|IPTABLES-HINT)$/;

export type Owner = 'nobody' | 'us' | 'another writer';

/** The chains of a backend and slicewright's mark. */
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

/** Chains of a kube-proxy beside slicewright: where it works, packets pass them. */
export function hasKubeProxy({ chains }: Pick<Foreign, 'chains'>): boolean {
  return chains.includes('nat KUBE-SERVICES');
}

export function hasKubelet({ chains }: Pick<Foreign, 'chains'>): boolean {
  return chains.some((key) => kubeletChains.test(key));
}

/**
 * A document with slicewright's mark in each table that it writes to, for a document that is written without a
 * reading before it. If the tables were flushed in between, the document would otherwise leave chains without a mark,
 * which slicewright would no longer take for its own. Declaring an empty chain that is there changes nothing.
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
 * The desired rules on a node where other programs have rules too.
 *
 *   slicewright's mark     exists beside slicewright's chains, and goes with them
 *   KUBE-FIREWALL, KUBE-MARK-DROP  keep their rules, besides what slicewright wants in them, where there is a kubelet
 *   one of slicewright's chains that another program's rule jumps to  cannot be deleted, so it stays, and is empty
 *   KUBE-MARK-MASQ that another program's rule jumps to   stays as it is, with the rules that masquerade what it marks
 *
 * program   undefined: nothing of slicewright's should be left
 */
export function besideOthers(
  program: Ruleset | undefined,
  found: Ruleset,
  foreign: Foreign,
  prefix: ChainPrefix,
): Ruleset {
  const marker = markerOf(prefix);
  const { family } = found;
  const wanted = { chains: new Map<string, Chain>(program?.chains), hooks: [...(program?.hooks ?? [])] };
  const { chains } = wanted;
  const marked = new Set<Table>(program === undefined ? [] : markedTables);
  if (hasKubelet(foreign)) {
    for (const [name, table] of sharedWithKubelet) keepShared(wanted, found, chainKey(table, name));
  }
  for (const { table, line } of foreign.references) {
    const key = chainKey(table, jumpTarget(line) ?? '');
    const target = found.chains.get(key);
    if (target === undefined || chains.has(key)) continue;
    chains.set(key, isMarking(target, prefix) ? target : chainFromLines(family, table, target.name, []));
    if (kubeNameOf(target.name, prefix) === markMasquerade) keepMasquerading(wanted, found, prefix);
    // The mark stays as long as anything of slicewright's is left.
    marked.add(table);
  }
  for (const table of marked) chains.set(chainKey(table, marker), chainFromLines(family, table, marker, []));
  return { family, ...wanted };
}

/** What goes from no node where a kubelet is, as people should know where kube-proxy's rules go: `nat KUBE-MARK-DROP`. */
export function leftToKubelet({ chains }: Pick<Ruleset, 'chains'>, foreign: Foreign): readonly string[] {
  if (!hasKubelet(foreign)) return [];
  return [...sharedWithKubelet].map(([name, table]) => chainKey(table, name)).filter((key) => chains.has(key));
}

interface Wanted {
  readonly chains: Map<string, Chain>;
  readonly hooks: Hook[];
}

function isMarking({ name }: Chain, prefix: ChainPrefix): boolean {
  return marking.has(kubeNameOf(name, prefix) ?? '');
}

/** A rule that looks into a set would keep the set from being destroyed. */
function keepMasquerading(
  { chains, hooks }: Wanted,
  { family, chains: found, hooks: there }: Ruleset,
  prefix: ChainPrefix,
) {
  const key = chainKey('nat', underPrefix(postrouting, prefix));
  const chain = found.get(key);
  if (chain === undefined || chains.has(key)) return;
  const lines = chain.lines.filter((line) => !line.includes(' --match-set '));
  chains.set(key, chainFromLines(family, 'nat', chain.name, lines));
  hooks.push(...there.filter(({ table, line }) => table === 'nat' && jumpTarget(line) === chain.name));
}

/** One of slicewright's chains that stays although slicewright's rules should go, since other programs' rules jump to it. */
export interface KeptChain {
  readonly chain: Chain;
  readonly rules: readonly ForeignRule[];
  /** The chain that stays because this one keeps its rules; undefined: none does. */
  readonly with: ChainName | undefined;
  readonly isEmpty: boolean;
}

/** found   where nothing of slicewright's should be */
export function keptForOthers({ chains }: Ruleset, { references }: Foreign, prefix: ChainPrefix): readonly KeptChain[] {
  const rules = new Map<string, ForeignRule[]>();
  for (const rule of references) {
    const key = chainKey(rule.table, jumpTarget(rule.line) ?? '');
    rules.set(key, [...(rules.get(key) ?? []), rule]);
  }
  return [...rules].flatMap(([key, leading]) => {
    const chain = chains.get(key);
    if (chain === undefined) return [];
    const isMark = kubeNameOf(chain.name, prefix) === markMasquerade;
    const masquerading = isMark ? chains.get(chainKey('nat', underPrefix(postrouting, prefix)))?.name : undefined;
    return [{ chain, rules: leading, with: masquerading, isEmpty: chain.lines.length === 0 }];
  });
}

/** Lines that may be kubelet's: in the chains that kubelet shares, and hooks to them. They stay, from any writer. */
export function linesOfOthers({ chains, hooks }: Ruleset): string[] {
  const shared = [...sharedWithKubelet];
  return [
    ...shared.flatMap(([name, table]) => chains.get(chainKey(table, name))?.lines ?? []),
    ...hooks.flatMap(({ line }) => (shared.some(([name]) => line.endsWith(` -j ${name}`)) ? [line] : [])),
  ];
}

/** Lines and hooks that are found stay; those that are wanted join them. */
function keepShared(wanted: Wanted, found: Ruleset, key: string): void {
  const there = found.chains.get(key);
  if (there === undefined) return;
  const here = wanted.chains.get(key);
  const lines = mergeLines(there.lines, here?.lines ?? []);
  const isEqual = here !== undefined && sameLines(lines, here.lines);
  wanted.chains.set(key, isEqual ? here : chainFromLines(found.family, there.table, there.name, lines));
  for (const hook of found.hooks) {
    const leadsThere = hook.table === there.table && jumpTarget(hook.line) === there.name;
    const isWanted = wanted.hooks.some(
      ({ table, chain, line }) => table === hook.table && chain === hook.chain && line === hook.line,
    );
    if (leadsThere && !isWanted) wanted.hooks.push(hook);
  }
}
