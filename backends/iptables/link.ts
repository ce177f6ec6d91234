import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { compareText, type ServicePortId } from '../../compiler/values/names.ts';
import { chainFromLines, makeChain } from '../netfilter/chain.ts';
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
  const separated = separateUnits(units);
  const chains = new Map(separated.chains);
  for (const unit of separated.kept) {
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

interface Separated {
  readonly kept: readonly IptablesUnit[];
  readonly leftOut: readonly ServicePortId[];
  /** Of those kept, by {@link chainKey}. */
  readonly chains: ReadonlyMap<string, Chain>;
}

/** Asked twice: for the units that are left out, and for linking the rest. */
const knownSeparations = new WeakMap<ReadonlyMap<ServicePortId, IptablesUnit>, Separated>();

/**
 * Units in id order, without those that have a chain of the same name as one before them. Names
 * hold 80 bits of a hash, so few that a user who picks the names of Services could make two
 * meet: then one of them is left out, rather than two Services mixed or the whole node refused.
 *
 * units   must not change any more
 */
export function separateUnits(units: ReadonlyMap<ServicePortId, IptablesUnit>): Separated {
  const known = knownSeparations.get(units) ?? separate([...units.values()]);
  knownSeparations.set(units, known);
  return known;
}

function separate(units: readonly IptablesUnit[]): Separated {
  const sorted = units.toSorted((a, b) => compareText(a.id, b.id));
  const chains = new Map<string, Chain>();
  for (const unit of sorted) {
    const size = chains.size;
    for (const chain of unit.chains) chains.set(chain.key, chain);
    // Two units rarely share a name. If they do, start over and check each chain.
    if (chains.size !== size + unit.chains.length) return separateCarefully(sorted);
  }
  return { kept: sorted, leftOut: [], chains };
}

function separateCarefully(sorted: readonly IptablesUnit[]): Separated {
  const chains = new Map<string, Chain>();
  const kept: IptablesUnit[] = [];
  const leftOut: ServicePortId[] = [];
  for (const unit of sorted) {
    if (unit.chains.some(({ key }) => chains.has(key))) {
      leftOut.push(unit.id);
    } else {
      for (const chain of unit.chains) chains.set(chain.key, chain);
      kept.push(unit);
    }
  }
  return { kept, leftOut, chains };
}

function sharedChain({ table, name, head, tail }: NodeChain, entries: readonly Entry[], node: NodeContext): Chain {
  const print = (rules: NodeChain['head']) => makeChain(node.family, table, name, rules).lines;
  const lines = [...print(head), ...entries.map(({ line }) => line), ...print(tail)];
  return chainFromLines(node.family, table, name, lines);
}
