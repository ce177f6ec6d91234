import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { compareText, type ServicePortId } from '../../compiler/values/names.ts';
import { chainOfPrinted, makeChain } from '../netfilter/chain.ts';
import { type Chain, chainKey, type Ruleset } from '../netfilter/rule.ts';
import { hooks, type NodeChain, nodeChains } from './node-chains.ts';
import type { Entry, IptablesUnit } from './unit.ts';

/**
 * All units and what exists once per node, as one program.
 *
 * The only pass over everything, and a cheap one: chains of units are taken over as they are,
 * lines of shared chains were printed when their unit was made. Shared chains hold their entries in id order,
 * so that where two Services claim one address the same one always wins.
 */
export function link(units: ReadonlyMap<ServicePortId, IptablesUnit>, node: NodeContext): Ruleset {
  const entries = new Map<string, Entry[]>();
  const chains = new Map<string, Chain>();
  for (const unit of separateUnits(units).kept) {
    for (const chain of unit.chains) chains.set(chainKey(chain.table, chain.name), chain);
    for (const entry of unit.entries) {
      const key = chainKey(entry.table, entry.into);
      const shared = entries.get(key);
      if (shared === undefined) entries.set(key, [entry]);
      else shared.push(entry);
    }
  }
  for (const chain of nodeChains(node)) {
    const key = chainKey(chain.table, chain.name);
    chains.set(key, sharedChain(chain, entries.get(key) ?? [], node));
  }
  return { family: node.family, chains, hooks: hooks(node) };
}

/**
 * Units in id order, without those that have a chain of the same name as one before them. Names
 * hold 80 bits of a hash, few enough that someone who picks the names of Services could make two
 * meet: then one of them is left out, rather than two Services mixed or the whole node refused.
 */
export function separateUnits(units: ReadonlyMap<ServicePortId, IptablesUnit>): {
  readonly kept: readonly IptablesUnit[];
  readonly leftOut: readonly ServicePortId[];
} {
  const taken = new Set<string>();
  const kept: IptablesUnit[] = [];
  const leftOut: ServicePortId[] = [];
  for (const unit of [...units.values()].sort((a, b) => compareText(a.id, b.id))) {
    if (unit.chains.some((chain) => taken.has(chain.name))) {
      leftOut.push(unit.id);
    } else {
      for (const chain of unit.chains) taken.add(chain.name);
      kept.push(unit);
    }
  }
  return { kept, leftOut };
}

function sharedChain({ table, name, head, tail }: NodeChain, entries: readonly Entry[], node: NodeContext): Chain {
  const print = (rules: NodeChain['head']) => {
    const { lines } = makeChain(node.family, table, name, rules);
    return rules.map((rule, i) => ({ rule, line: lines[i] as string }));
  };
  return chainOfPrinted(table, name, [...print(head), ...entries, ...print(tail)]);
}
