import { certain, type Dyadic, dyadicOf31, multiplyDyadic } from '../dyadic.ts';
import type { Family } from '../../../compiler/values/address.ts';
import { type Chain, chainKey, type KernelChain, type Rule, type Ruleset, type Table } from '../rule.ts';
import { readableMatches } from '../text/parse-rule.ts';

/** A rule in its place, with values that a walk would otherwise compute again for every packet. */
export interface PlacedRule {
  readonly rule: Rule | undefined;
  /** The readable conditions of a rule that slicewright cannot follow: a packet that misses them misses the rule. */
  readonly guard: Rule | undefined;
  /** Another program's. */
  readonly ofOthers: boolean;
  readonly line: string;
  readonly where: string;
  /** The part that its probabilities let through, of the packets that its other matches let through. */
  readonly chance: Dyadic;
  /** The key of the chain that it jumps to, in its own table. */
  readonly jumpKey: string;
  /** That chain, once a packet was there. */
  found: PlacedChain | undefined;
}

export interface PlacedChain {
  readonly chain: Chain;
  readonly rules: readonly PlacedRule[];
}

/**
 * A ruleset as walks use it. Every probe walks the same chains, and a Service with thousands of endpoints has thousands of
 * them, so each chain is placed once, when the first packet comes to it.
 */
export interface Places {
  /** The chain that a rule jumps to; undefined: there is none. */
  jumpedTo(rule: PlacedRule): PlacedChain | undefined;
  /** Slicewright's rules in a chain of the kernel. */
  hooksAt(table: Table, chain: KernelChain): readonly PlacedRule[];
}

const known = new WeakMap<Ruleset, Places>();

export function placesIn(ruleset: Ruleset): Places {
  const places = known.get(ruleset) ?? createPlaces(ruleset);
  known.set(ruleset, places);
  return places;
}

function createPlaces(ruleset: Ruleset): Places {
  const chains = new Map<string, PlacedChain>();
  const hooks = new Map<string, readonly PlacedRule[]>();
  const chainAt = (key: string): PlacedChain | undefined => {
    const placed = chains.get(key);
    if (placed !== undefined) return placed;
    const chain = ruleset.chains.get(key);
    if (chain === undefined) return undefined;
    const { rules, lines, table } = chain;
    const made = {
      chain,
      rules: lines.map((line, i) => placeRule(ruleset.family, { rule: rules[i], line }, table, key)),
    };
    chains.set(key, made);
    return made;
  };
  return {
    jumpedTo(rule) {
      rule.found ??= chainAt(rule.jumpKey);
      return rule.found;
    },
    hooksAt(table, chain) {
      const key = chainKey(table, chain);
      const placed = hooks.get(key);
      if (placed !== undefined) return placed;
      const made = ruleset.hooks
        .filter((hook) => hook.table === table && hook.chain === chain)
        .map((hook) => placeRule(ruleset.family, hook, table, key));
      hooks.set(key, made);
      return made;
    },
  };
}

interface Standing {
  readonly rule: Rule | undefined;
  readonly line: string;
  readonly ofOthers?: boolean;
}

function placeRule(
  family: Family,
  { rule, line, ofOthers = false }: Standing,
  table: Table,
  where: string,
): PlacedRule {
  const target = rule?.target;
  return {
    rule,
    guard: rule === undefined ? { matches: readableMatches(family, line) } : undefined,
    ofOthers,
    line,
    where,
    chance: rule === undefined ? certain : chanceOf(rule),
    jumpKey: target?.kind === 'jump' ? chainKey(table, target.chain) : '',
    found: undefined,
  };
}

function chanceOf({ matches }: Rule): Dyadic {
  let chance = certain;
  for (const match of matches) {
    if (match.kind !== 'probability') continue;
    const own = dyadicOf31(match.of31);
    chance = chance === certain ? own : multiplyDyadic(chance, own);
  }
  return chance;
}
