import type { Family } from '../../compiler/values/address.ts';
import { findCycle, type JumpGraph, jumpGraphOf, targetWord } from './jump-graph.ts';
import { isKernelChain, kernelChains } from './kernel-chains.ts';
import { type KernelChain, parseChainName, type Ruleset, type Table } from './rule.ts';
import { parseRule } from './text/parse-rule.ts';

/**
 * What is wrong with a program as a whole, one sentence each; empty when it may be loaded.
 *
 * This is slicewright's own check before any command: `iptables-restore --test` in nft mode takes a jump to a chain
 * that does not exist, and no tool refuses a chain that no rule reaches.
 *
 * Every full sync of an agent does this, so it looks once at the target of each line, and counts with bits. Rules as values would
 * take a hundred times as long to make, and most of an agent's memory to keep.
 *
 * standing   keys (`chainKey`) of chains that exist whether or not a rule leads to them, with what they lead to
 */
export function checkRuleset(ruleset: Ruleset, standing: ReadonlySet<string>): string[] {
  const problems: string[] = [];
  const does = new Uint8Array(ruleset.chains.size);
  const graph = jumpGraphOf(ruleset, (chain, word) => {
    does[chain]! |= actionNamed(word)?.bit ?? unknown;
  });
  const reached = reachedFrom(ruleset, standing, graph);
  for (const { table, chain, rule, line } of ruleset.hooks) {
    if (!hooksOf[table].includes(chain)) problems.push(`table ${table} has no chain ${chain}`);
    else if (rule === undefined) problems.push(`not understood: ${line}`);
    else
      problems.push(
        ...lineProblems(ruleset.family, graph, { table, key: `${table} ${chain}`, from: bit(chain) }, line),
      );
  }
  let number = 0;
  ruleset.chains.forEach((chain, key) => {
    const { table, name, lines } = chain;
    const from = reached[number]!;
    const actions = does[number]!;
    number++;
    if (key !== chain.key) problems.push(`${chain.key} is kept as ${key}`);
    if (parseChainName(name) === undefined || isKernelChain(name))
      problems.push(`${key} is not one of slicewright's chains`);
    if (from === 0) problems.push(`${key} is reached by no rule`);
    if (actions === 0 || areLegal(actions, table, from)) return;
    for (const line of lines) problems.push(...lineProblems(ruleset.family, graph, { table, key, from }, line));
  });
  const cycle = findCycle(graph);
  if (cycle !== undefined) {
    const keys = [...ruleset.chains.keys()];
    problems.push(`${cycle.map((chain) => keys[chain]).join(' → ')} is a cycle`);
  }
  return problems;
}

const hooksOf: Readonly<Record<Table, readonly KernelChain[]>> = {
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
};

/** Chains of the kernel are a set of bits. */
function bit(chain: KernelChain): number {
  return 1 << kernelChains.indexOf(chain);
}

function bits(chains: readonly KernelChain[]): number {
  return chains.reduce((sum, chain) => sum | bit(chain), 0);
}

/** With the bits of chains of the kernel: it stands by itself. */
const stands = 1 << kernelChains.length;

/** What a rule does that does not jump to a chain, and where the kernel takes it. */
interface Action {
  readonly word: string;
  readonly bit: number;
  readonly tables: readonly Table[];
  readonly hooks: number;
}

const everywhere: readonly Table[] = ['mangle', 'filter', 'nat'];

/** Source: the check functions of xt_nat, xt_MASQUERADE and ipt_REJECT. */
const actions: readonly Action[] = [
  { word: 'DNAT', bit: 1, tables: ['nat'], hooks: bits(['PREROUTING', 'OUTPUT']) },
  { word: 'MASQUERADE', bit: 2, tables: ['nat'], hooks: bits(['POSTROUTING']) },
  { word: 'REJECT', bit: 4, tables: ['filter'], hooks: bits(['INPUT', 'FORWARD', 'OUTPUT']) },
  // iptables refuses to drop in nat, which sees only the first packet of a connection.
  { word: 'DROP', bit: 8, tables: ['mangle', 'filter'], hooks: bits(kernelChains) },
  ...['MARK', 'ACCEPT', 'RETURN'].map((word) => ({ word, bit: 16, tables: everywhere, hooks: bits(kernelChains) })),
];

/** A rule that only counts, and what slicewright does not write: only the whole line shows whether it is legal. */
const unknown = 32;

function actionNamed(word: string | undefined): Action | undefined {
  return actions.find((action) => action.word === word);
}

/** Whether all of these actions are legal in a chain that packets get to from there. */
function areLegal(bits: number, table: Table, from: number): boolean {
  return (bits & unknown) === 0 && actions.every((action) => (bits & action.bit) === 0 || isLegal(action, table, from));
}

function isLegal({ tables, hooks }: Action, table: Table, from: number): boolean {
  return tables.includes(table) && (from & ~hooks & ~stands) === 0;
}

/** Where a line is. */
interface Place {
  readonly table: Table;
  readonly key: string;
  readonly from: number;
}

function lineProblems(family: Family, graph: JumpGraph, { table, key, from }: Place, line: string): string[] {
  const word = targetWord(line);
  if (word !== undefined && graph.numberOf(table, word) !== undefined) return [];
  const action = actionNamed(word);
  if (action === undefined) {
    const rule = parseRule(family, line)?.rule;
    if (rule === undefined) return [`not understood: ${line}`];
    return word === undefined ? [] : [`${key} jumps to ${word}, which is not there`];
  }
  if (isLegal(action, table, from)) return [];
  if (action.word === 'DROP') return [`${key} drops in table nat`];
  const kind = action.word.toLowerCase();
  const [only] = action.tables;
  if (!action.tables.includes(table)) return [`${key} has a ${kind} target outside table ${only}`];
  const wrong = kernelChains.filter((chain) => (bit(chain) & from & ~action.hooks) !== 0);
  return [`${key} has a ${kind} target and is reached from ${wrong.join(', ')}`];
}

/** By number of the chain: the chains of the kernel it is reached from, and whether it stands by itself; 0: neither. */
function reachedFrom({ hooks }: Ruleset, standing: ReadonlySet<string>, graph: JumpGraph): Uint8Array {
  const { size, starts, targets } = graph;
  const reached = new Uint8Array(size);
  /** Goes on only where there is something new. */
  const mark = (first: number, mask: number, from: number): void => {
    const pending = [first];
    for (let chain = pending.pop(); chain !== undefined; chain = pending.pop()) {
      if ((reached[chain]! & mask) !== 0) continue;
      reached[chain]! |= from;
      for (let at = starts[chain]!; at < starts[chain + 1]!; at++) {
        const next = targets[at]!;
        if ((reached[next]! & mask) === 0) pending.push(next);
      }
    }
  };
  for (const { table, chain, line } of hooks) {
    const first = graph.numberOf(table, targetWord(line) ?? '');
    if (first !== undefined) mark(first, bit(chain), bit(chain));
  }
  for (const key of standing) {
    const [table = '', name = ''] = key.split(' ');
    const first = graph.numberOf(table as Table, name);
    // What is reached from a hook is reached with all that it leads to.
    if (first !== undefined) mark(first, ~0, stands);
  }
  return reached;
}
