import type { Family } from '../../../compiler/values/address.ts';
import { chainFromLines } from '../chain.ts';
import { isKernelChain } from '../kernel-chains.ts';
import { parseRule } from './parse-rule.ts';
import { type Chain, chainKey, type Hook, parseChainName, type Ruleset, type Table, tables } from '../rule.ts';

/** What iptables-save shows: slicewright's chains, and what slicewright needs to know of the rest. */
export interface Save {
  readonly ruleset: Ruleset;
  readonly foreign: Foreign;
  /** The number of rules of all programs, in tables that slicewright uses. */
  readonly ruleCount: number;
  /** Every table that begins also ends: false for a text that was cut short. */
  readonly complete: boolean;
}

/** Other programs' rules and chains, as far as they touch slicewright's. */
export interface Foreign {
  /** Chains that are not slicewright's, by {@link chainKey}, sorted; without the kernel's. */
  readonly chains: readonly string[];
  /** Foreign rules in front of the last of slicewright's hooks in a chain of the kernel, in order. */
  readonly inFront: readonly RuleInFront[];
  /** Foreign chains' rules that jump to one of slicewright's chains: while they are there, the kernel cannot delete it. */
  readonly references: readonly ForeignRule[];
  /** The tool's remarks about tables that it cannot show in full, because other nft programs hold more there. */
  readonly remarks: readonly string[];
}

export interface ForeignRule {
  readonly table: Table;
  readonly chain: string;
  readonly line: string;
}

export interface RuleInFront extends ForeignRule {
  /** How many of slicewright's hooks in that chain come before it. */
  readonly hooksBefore: number;
}

/** Whether a chain, found in a kernel, is one that slicewright makes. */
export type IsOurs = (table: Table, chain: string) => boolean;

/**
 * Reads the output of iptables-save or ip6tables-save, with or without counters, or a document
 * that slicewright printed.
 *
 * Only lines of slicewright's chains are kept and none is parsed until its rules are needed, so
 * a save of 70,000 lines costs little more than splitting it. Lines of other chains are looked at
 * for one thing: a jump to one of slicewright's chains.
 */
export function parseSave(text: string, family: Family, isOurs: IsOurs): Save {
  const { found, complete, remarks } = groupLines(text);
  const chains = new Map<string, Chain>();
  const hooks: Hook[] = [];
  const inFront: RuleInFront[] = [];
  const references: ForeignRule[] = [];
  const foreignChains: string[] = [];
  for (const { table, name, lines } of found) {
    const ours = parseChainName(name);
    if (isKernelChain(name)) {
      const hooked = lines.map((line) => isJumpToOurs(table, line, isOurs));
      const last = hooked.lastIndexOf(true);
      let hooksBefore = 0;
      lines.slice(0, last + 1).forEach((line, i) => {
        if (hooked[i] === true) {
          hooks.push({ table, chain: name, line, rule: parseRule(family, line)?.rule });
          hooksBefore++;
        } else inFront.push({ table, chain: name, line, hooksBefore });
      });
    } else if (ours !== undefined && isOurs(table, name)) {
      chains.set(chainKey(table, name), chainFromLines(family, table, ours, lines));
    } else {
      foreignChains.push(chainKey(table, name));
      for (const line of lines) if (isJumpToOurs(table, line, isOurs)) references.push({ table, chain: name, line });
    }
  }
  return {
    ruleset: { family, chains, hooks },
    foreign: { chains: foreignChains.sort(), inFront, references, remarks },
    ruleCount: found.reduce((sum, { lines }) => sum + lines.length, 0),
    complete,
  };
}

/** A jump is the last thing in a line, and no comment can look like it: comments of several words end in a quote. */
function isJumpToOurs(table: Table, line: string, isOurs: IsOurs): boolean {
  const target = /(?:^| )-[jg] ([^ "]+)$/.exec(line)?.[1];
  return target !== undefined && isOurs(table, target);
}

interface FoundChain {
  readonly table: Table;
  readonly name: string;
  readonly lines: string[];
}

/** Chains in the order in which the text declares them, each with its lines; tables that slicewright never uses are skipped. */
function groupLines(text: string) {
  const found: FoundChain[] = [];
  const remarks: string[] = [];
  let byName = new Map<string, FoundChain>();
  let table: Table | undefined;
  let open = false;
  let complete = text === '' || text.endsWith('\n');
  const declare = (name: string): FoundChain | undefined => {
    if (table === undefined) return undefined;
    const chain = { table, name, lines: [] };
    byName.set(name, chain);
    found.push(chain);
    return chain;
  };
  for (const raw of text.split('\n')) {
    const line = raw.startsWith('[') ? raw.replace(/^\[\d+:\d+\] /, '') : raw;
    if (line.startsWith('-A ')) {
      const end = line.indexOf(' ', 3);
      const name = end < 0 ? line.slice(3) : line.slice(3, end);
      // Slicewright's documents do not declare the chains of the kernel; a save declares all.
      const chain = byName.get(name) ?? (isKernelChain(name) ? declare(name) : undefined);
      if (chain !== undefined) chain.lines.push(line);
      else if (table !== undefined || !open) complete = false;
    } else if (line.startsWith(':')) {
      declare(line.slice(1, line.indexOf(' ')));
    } else if (line.startsWith('*')) {
      if (open) complete = false;
      open = true;
      table = tables.find((known) => known === line.slice(1));
      byName = new Map();
    } else if (line === 'COMMIT') {
      if (!open) complete = false;
      open = false;
      table = undefined;
    } else if (line.startsWith('#')) {
      if (line.startsWith('# Table')) remarks.push(line.slice(2));
    } else if (line !== '') {
      complete = false;
    }
  }
  return { found, complete: complete && !open, remarks };
}
