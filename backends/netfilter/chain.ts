import type { Family } from '../../compiler/values/address.ts';
import { parseRule } from './text/parse-rule.ts';
import { printRule } from './text/print.ts';
import {
  type Chain,
  chainKey,
  type ChainName,
  type Hook,
  type KernelChain,
  parseChainName,
  type Rule,
  type Table,
} from './rule.ts';

/** A desired chain. Its lines are printed here, once, and are what is kept of its rules. */
export function makeChain(family: Family, table: Table, name: ChainName, rules: readonly Rule[]): Chain {
  return chainFromLines(
    family,
    table,
    name,
    rules.map((rule) => printRule(family, name, rule)),
  );
}

/**
 * A chain of these lines, wanted or found. A node has tens of thousands, and most are never asked for their rules: an agent
 * compares and writes lines.
 */
export function chainFromLines(family: Family, table: Table, name: ChainName, lines: readonly string[]): Chain {
  return new LineChain(family, table, name, lines);
}

/** A class, since a getter that is made for each chain takes more memory than the rest of the chain. */
class LineChain implements Chain {
  readonly table: Table;
  readonly name: ChainName;
  readonly lines: readonly string[];
  readonly #family: Family;
  #rules: readonly (Rule | undefined)[] | undefined;
  #key: string | undefined;

  constructor(family: Family, table: Table, name: ChainName, lines: readonly string[]) {
    this.#family = family;
    this.table = table;
    this.name = name;
    this.lines = lines;
  }

  get key(): string {
    this.#key ??= chainKey(this.table, this.name);
    return this.#key;
  }

  get rules(): readonly (Rule | undefined)[] {
    this.#rules ??= this.lines.map((line) => parseRule(this.#family, line)?.rule);
    return this.#rules;
  }
}

/** One of slicewright's rules in a chain of the kernel. */
export function makeHook(family: Family, table: Table, chain: KernelChain, rule: Rule): Hook {
  return { table, chain, rule, line: printRule(family, chain, rule) };
}

/**
 * A chain name from slicewright's own constants and hashes.
 *
 * throws   when it is no chain name: a defect, never an input error
 */
export function chainName(text: string): ChainName {
  const name = parseChainName(text);
  if (name === undefined) throw new Error(`${JSON.stringify(text)} is not a chain name`);
  return name;
}
