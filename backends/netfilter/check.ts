import { isKernelChain } from './kernel-chains.ts';
import { chainKey, type KernelChain, parseChainName, type Rule, type Ruleset, type Table } from './rule.ts';

/**
 * What is wrong with a program as a whole, one sentence each; empty when it may be loaded.
 *
 * Our own gate before any command: `iptables-restore --test` in nft mode takes a jump to a chain
 * that does not exist, and a chain that nobody reaches is not refused by anyone.
 *
 * standing   keys ({@link chainKey}) of chains that exist whether or not a rule leads to them, with what they lead to
 */
export function checkRuleset(ruleset: Ruleset, standing: ReadonlySet<string>): string[] {
  const problems: string[] = [];
  const entered = hooksOfChains(ruleset, standing);
  for (const { table, chain, rule, line } of ruleset.hooks) {
    if (!hooksOf[table].includes(chain)) problems.push(`table ${table} has no chain ${chain}`);
    else if (rule === undefined) problems.push(`not understood: ${line}`);
    else problems.push(...ruleProblems(ruleset, table, `${table} ${chain}`, [chain], rule));
  }
  for (const [key, { table, name, lines, rules }] of ruleset.chains) {
    if (key !== chainKey(table, name)) problems.push(`${chainKey(table, name)} is kept as ${key}`);
    if (parseChainName(name) === undefined || isKernelChain(name)) problems.push(`${key} is no chain of ours`);
    const hooks = entered.get(key);
    if (hooks === undefined) problems.push(`${key} is reached by no rule`);
    rules.forEach((rule, i) => {
      if (rule === undefined) problems.push(`not understood: ${lines[i]}`);
      else problems.push(...ruleProblems(ruleset, table, key, [...(hooks ?? [])], rule));
    });
  }
  const cycle = findCycle(ruleset);
  if (cycle !== undefined) problems.push(`${cycle.join(' → ')} is a cycle`);
  return problems;
}

const hooksOf: Readonly<Record<Table, readonly KernelChain[]>> = {
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
};

/** Where the kernel takes a target: the check functions of xt_nat, xt_MASQUERADE and ipt_REJECT. */
const legalPlaces: Readonly<Record<string, { readonly table: Table; readonly hooks: readonly KernelChain[] }>> = {
  dnat: { table: 'nat', hooks: ['PREROUTING', 'OUTPUT'] },
  masquerade: { table: 'nat', hooks: ['POSTROUTING'] },
  reject: { table: 'filter', hooks: ['INPUT', 'FORWARD', 'OUTPUT'] },
};

function ruleProblems(
  ruleset: Ruleset,
  table: Table,
  place: string,
  hooks: readonly KernelChain[],
  { target }: Rule,
): string[] {
  if (target === undefined) return [];
  if (target.kind === 'jump') {
    const missing = !ruleset.chains.has(chainKey(table, target.chain));
    return missing ? [`${place} jumps to ${target.chain}, which is not there`] : [];
  }
  // iptables refuses to drop in nat, which sees only the first packet of a connection.
  if (target.kind === 'drop' && table === 'nat') return [`${place} drops in table nat`];
  const legal = legalPlaces[target.kind];
  if (legal === undefined) return [];
  if (legal.table !== table) return [`${place} has a ${target.kind} target outside table ${legal.table}`];
  const wrong = hooks.filter((hook) => !legal.hooks.includes(hook));
  return wrong.length === 0 ? [] : [`${place} has a ${target.kind} target and is reached from ${wrong.join(', ')}`];
}

/** For every chain that some rule leads to, and those that stand: the chains of the kernel it is reached from. */
function hooksOfChains(ruleset: Ruleset, standing: ReadonlySet<string>): Map<string, Set<KernelChain>> {
  const entered = new Map<string, Set<KernelChain>>();
  for (const { table, chain: hook, rule } of ruleset.hooks) {
    const pending = jumpsOf(table, [rule]);
    for (let key = pending.pop(); key !== undefined; key = pending.pop()) {
      const hooks = entered.get(key) ?? new Set();
      if (hooks.has(hook)) continue;
      entered.set(key, hooks.add(hook));
      for (const next of jumpsOf(table, ruleset.chains.get(key)?.rules ?? [])) pending.push(next);
    }
  }
  const pending = [...standing];
  for (let key = pending.pop(); key !== undefined; key = pending.pop()) {
    if (entered.has(key)) continue;
    entered.set(key, new Set());
    const chain = ruleset.chains.get(key);
    for (const next of chain === undefined ? [] : jumpsOf(chain.table, chain.rules)) pending.push(next);
  }
  return entered;
}

/** A circle of jumps, as its chains; undefined if there is none. */
function findCycle(ruleset: Ruleset): string[] | undefined {
  const finished = new Set<string>();
  const walk = (key: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(key)) return [...path.slice(path.indexOf(key)), key];
    const chain = ruleset.chains.get(key);
    if (chain === undefined || finished.has(key)) return undefined;
    for (const next of jumpsOf(chain.table, chain.rules)) {
      const cycle = walk(next, [...path, key]);
      if (cycle !== undefined) return cycle;
    }
    finished.add(key);
    return undefined;
  };
  for (const key of ruleset.chains.keys()) {
    const cycle = walk(key, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

function jumpsOf(table: Table, rules: readonly (Rule | undefined)[]): string[] {
  return rules.flatMap((rule) => (rule?.target?.kind === 'jump' ? [chainKey(table, rule.target.chain)] : []));
}
