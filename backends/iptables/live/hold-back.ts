import { sameLines, commonLines, mergeLines } from '../../netfilter/text/lines.ts';
import { chainFromLines } from '../../netfilter/chain.ts';
import type { Owners } from '../../netfilter/owners.ts';
import type { Chain, Ruleset } from '../../netfilter/rule.ts';

/**
 * The desired program, but with some Services as they are now: with the rules that are found, or
 * with none if they have none. All others get what they should have.
 *
 * held   Service ports as comments name them, `shop/cart:http`
 */
export function holdBack(observed: Ruleset, desired: Ruleset, held: ReadonlySet<string>, owners: Owners): Ruleset {
  if (held.size === 0) return desired;
  const chains = new Map<string, Chain>();
  for (const key of new Set([...observed.chains.keys(), ...desired.chains.keys()])) {
    const there = observed.chains.get(key);
    const wanted = desired.chains.get(key);
    const { table, name } = (there ?? wanted) as Chain;
    const owner = owners.ofChain(table, name);
    const isHeld = (line: string): boolean => held.has(owners.ofLine(table, line) ?? '');
    let chain: Chain | undefined;
    if (owner !== undefined) chain = held.has(owner) ? there : wanted;
    else chain = wanted && sharedChain(desired, wanted, there?.lines ?? [], isHeld);
    if (chain !== undefined) chains.set(key, chain);
  }
  return { ...desired, chains };
}

/** A rule that stays goes to its place among the rules around it that are in both programs. */
function sharedChain(
  { family }: Ruleset,
  wanted: Chain,
  there: readonly string[],
  isHeld: (line: string) => boolean,
): Chain {
  const young = wanted.lines.filter((line) => !isHeld(line));
  const both = new Set(commonLines(there, young).map(([i]) => i));
  const old = there.filter((line, i) => both.has(i) || isHeld(line));
  const lines = mergeLines(old, young);
  return sameLines(lines, wanted.lines) ? wanted : chainFromLines(family, wanted.table, wanted.name, lines);
}
