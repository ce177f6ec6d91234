import type { Family } from '../../compiler/values/address.ts';
import { exact } from '../../compiler/values/exact.ts';
import { parseRule } from './text/parse-rule.ts';
import { printRule } from './text/print.ts';
import {
  type Chain,
  type ChainName,
  type Hook,
  type KernelChain,
  parseChainName,
  type Rule,
  type Table,
} from './rule.ts';

/** A chain that we want. Its lines are printed here, once. A node has tens of thousands, so no array has room to spare. */
export function makeChain(family: Family, table: Table, name: ChainName, rules: readonly Rule[]): Chain {
  return { table, name, rules: rules.map(exactRule), lines: rules.map((rule) => printRule(family, name, rule)) };
}

function exactRule({ matches, target }: Rule): Rule {
  return target === undefined ? { matches: exact(matches) } : { matches: exact(matches), target };
}

/** A chain of rules whose lines are already printed: the shared chains are put together from such. */
export function chainOfPrinted(
  table: Table,
  name: ChainName,
  printed: readonly { readonly rule: Rule; readonly line: string }[],
): Chain {
  return { table, name, rules: printed.map(({ rule }) => rule), lines: printed.map(({ line }) => line) };
}

/** A chain as found. Most chains that are found equal what is wanted, line by line, and are never parsed. */
export function chainFromLines(family: Family, table: Table, name: ChainName, lines: readonly string[]): Chain {
  let parsed: (Rule | undefined)[] | undefined;
  return {
    table,
    name,
    lines,
    get rules() {
      parsed ??= lines.map((line) => parseRule(family, line)?.rule);
      return parsed;
    },
  };
}

/** A rule of ours in a chain of the kernel. */
export function makeHook(family: Family, table: Table, chain: KernelChain, rule: Rule): Hook {
  return { table, chain, rule, line: printRule(family, chain, rule) };
}

/**
 * A chain name from our own constants and hashes.
 *
 * throws   when it is no chain name: a defect, never an input error
 */
export function chainName(text: string): ChainName {
  const name = parseChainName(text);
  if (name === undefined) throw new Error(`${JSON.stringify(text)} is not a chain name`);
  return name;
}
