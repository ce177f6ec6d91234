import type { Family } from '../../../compiler/values/address.ts';
import { chainFromLines } from '../chain.ts';
import { parseRule } from './parse-rule.ts';
import { printRule } from './print.ts';
import type { Ruleset } from '../rule.ts';

/**
 * A line as slicewright would print it. iptables 1.8.9 prints rules the same way; another version may not, and
 * a chain must not be rewritten forever because of it. A line outside slicewright's vocabulary stays as it is.
 */
export function canonicalLine(family: Family, line: string): string {
  const parsed = parseRule(family, line);
  return parsed === undefined ? line : printRule(family, parsed.chain, parsed.rule);
}

export function canonicalRuleset({ family, chains, hooks }: Ruleset): Ruleset {
  const canonical = (line: string) => canonicalLine(family, line);
  return {
    family,
    chains: new Map(
      [...chains].map(([key, { table, name, lines }]) => [
        key,
        chainFromLines(family, table, name, lines.map(canonical)),
      ]),
    ),
    hooks: hooks.map((hook) => ({ ...hook, line: canonical(hook.line) })),
  };
}
