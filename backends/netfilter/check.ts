import { isKernelChain } from './kernel-chains.ts';
import { chainKey, type KernelChain, parseChainName, type Ruleset, type Table } from './rule.ts';
import { parseRule } from './text/parse-rule.ts';

/**
 * What is wrong with a program as a whole, one sentence each; empty when it may be loaded.
 *
 * This is slicewright's own check before any command: `iptables-restore --test` in nft mode takes a jump to a chain
 * that does not exist, and no tool refuses a chain that no rule reaches.
 *
 * Every full sync of an agent does this, so it looks at the targets of lines. Rules as values would take a hundred times as long
 * to make, and most of an agent's memory to keep.
 *
 * standing   keys ({@link chainKey}) of chains that exist whether or not a rule leads to them, with what they lead to
 */
export function checkRuleset(ruleset: Ruleset, standing: ReadonlySet<string>): string[] {
  const problems: string[] = [];
  const jumps = jumpsOf(ruleset);
  const entered = hooksOfChains(ruleset, standing, jumps);
  for (const { table, chain, rule, line } of ruleset.hooks) {
    if (!hooksOf[table].includes(chain)) problems.push(`table ${table} has no chain ${chain}`);
    else if (rule === undefined) problems.push(`not understood: ${line}`);
    else problems.push(...lineProblems(ruleset, table, `${table} ${chain}`, [chain], line));
  }
  for (const [key, { table, name, lines }] of ruleset.chains) {
    if (key !== chainKey(table, name)) problems.push(`${chainKey(table, name)} is kept as ${key}`);
    if (parseChainName(name) === undefined || isKernelChain(name))
      problems.push(`${key} is not one of slicewright's chains`);
    const hooks = entered.get(key);
    if (hooks === undefined) problems.push(`${key} is reached by no rule`);
    const from = [...(hooks ?? [])];
    for (const line of lines) problems.push(...lineProblems(ruleset, table, key, from, line));
  }
  const cycle = findCycle(ruleset, jumps);
  if (cycle !== undefined) problems.push(`${cycle.join(' → ')} is a cycle`);
  return problems;
}

const hooksOf: Readonly<Record<Table, readonly KernelChain[]>> = {
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
};

/** Where the kernel takes a target: the check functions of xt_nat, xt_MASQUERADE and ipt_REJECT. */
const legalPlaces: ReadonlyMap<string, { readonly table: Table; readonly hooks: readonly KernelChain[] }> = new Map([
  ['DNAT', { table: 'nat', hooks: ['PREROUTING', 'OUTPUT'] }],
  ['MASQUERADE', { table: 'nat', hooks: ['POSTROUTING'] }],
  ['REJECT', { table: 'filter', hooks: ['INPUT', 'FORWARD', 'OUTPUT'] }],
]);

/** Targets that the kernel takes everywhere, but for a drop in table nat. */
const legalAnywhere: ReadonlySet<string> = new Set(['MARK', 'ACCEPT', 'DROP', 'RETURN']);

function lineProblems(
  { family, chains }: Ruleset,
  table: Table,
  place: string,
  hooks: readonly KernelChain[],
  line: string,
): string[] {
  const word = targetWord(line);
  if (word !== undefined && chains.has(chainKey(table, word))) return [];
  // iptables refuses to drop in nat, which sees only the first packet of a connection.
  if (word === 'DROP' && table === 'nat') return [`${place} drops in table nat`];
  if (word !== undefined && legalAnywhere.has(word)) return [];
  const legal = word === undefined ? undefined : legalPlaces.get(word);
  if (word === undefined || legal === undefined) {
    const rule = parseRule(family, line)?.rule;
    if (rule === undefined) return [`not understood: ${line}`];
    return word === undefined ? [] : [`${place} jumps to ${word}, which is not there`];
  }
  const kind = word.toLowerCase();
  if (legal.table !== table) return [`${place} has a ${kind} target outside table ${legal.table}`];
  const wrong = hooks.filter((hook) => !legal.hooks.includes(hook));
  return wrong.length === 0 ? [] : [`${place} has a ${kind} target and is reached from ${wrong.join(', ')}`];
}

/** The word after the last `-j`: nothing that follows it holds one. undefined: the rule only counts. */
function targetWord(line: string): string | undefined {
  const at = line.lastIndexOf(' -j ');
  if (at < 0) return undefined;
  const end = line.indexOf(' ', at + 4);
  return end < 0 ? line.slice(at + 4) : line.slice(at + 4, end);
}

/** For every chain that some rule leads to, and those that always exist: the chains of the kernel it is reached from. */
function hooksOfChains(ruleset: Ruleset, standing: ReadonlySet<string>, jumps: Jumps): Map<string, Set<KernelChain>> {
  const entered = new Map<string, Set<KernelChain>>();
  for (const { table, chain: hook, line } of ruleset.hooks) {
    const pending = keysIn(table, [line]);
    for (let key = pending.pop(); key !== undefined; key = pending.pop()) {
      const hooks = entered.get(key) ?? new Set();
      if (hooks.has(hook)) continue;
      entered.set(key, hooks.add(hook));
      for (const next of jumps.get(key) ?? none) pending.push(next);
    }
  }
  const pending = [...standing];
  for (let key = pending.pop(); key !== undefined; key = pending.pop()) {
    if (entered.has(key)) continue;
    entered.set(key, new Set());
    for (const next of jumps.get(key) ?? none) pending.push(next);
  }
  return entered;
}

/** A circle of jumps, as its chains; undefined if there is none. */
function findCycle({ chains }: Ruleset, jumps: Jumps): string[] | undefined {
  const finished = new Set<string>();
  const walk = (key: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(key)) return [...path.slice(path.indexOf(key)), key];
    if (finished.has(key)) return undefined;
    for (const next of jumps.get(key) ?? none) {
      const cycle = walk(next, [...path, key]);
      if (cycle !== undefined) return cycle;
    }
    finished.add(key);
    return undefined;
  };
  for (const key of chains.keys()) {
    const cycle = walk(key, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** The chains of the program that each chain leads to, by key; a chain that leads to none is left out. */
type Jumps = ReadonlyMap<string, readonly string[]>;
const none: readonly string[] = [];

function jumpsOf({ chains }: Ruleset): Jumps {
  const jumps = new Map<string, readonly string[]>();
  for (const [key, { table, lines }] of chains) {
    const keys = keysIn(table, lines).filter((to) => chains.has(to));
    if (keys.length > 0) jumps.set(key, keys);
  }
  return jumps;
}

/** Keys of the targets that lines name; targets that are no chains are among them. */
function keysIn(table: Table, lines: readonly string[]): string[] {
  const keys: string[] = [];
  for (const line of lines) {
    const word = targetWord(line);
    if (word !== undefined) keys.push(chainKey(table, word));
  }
  return keys;
}
