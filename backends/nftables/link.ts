import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { compareText, type ServicePortId } from '../../compiler/values/names.ts';
import { nodeChains, spreadRules } from './node-chains.ts';
import { endpointMap, type SpreadChain } from './names.ts';
import { type Name, tableName } from './program/names.ts';
import { type Chain, type Element, makeChain, type NftProgram, type NftSet } from './program/program.ts';
import { standingSets } from './program/standing.ts';
import type { NftablesUnit } from './unit.ts';

/**
 * All units and what exists once per node, as one program: the only pass over everything.
 *
 * Units come in id order, so that where two of them have an element of one key the same one always wins. Names of chains
 * hold the whole name of their Service port or a hash of 160 bits, so they never meet.
 */
export function link(units: ReadonlyMap<ServicePortId, NftablesUnit>, node: NodeContext): NftProgram {
  const elements = new Map<string, Map<string, Element>>();
  const sets = new Map<string, NftSet>();
  const chains = new Map<string, Chain>();
  const spreads = new Map<Name, SpreadChain>();
  for (const unit of [...units.values()].sort((a, b) => compareText(a.id, b.id))) {
    for (const share of unit.shares) {
      const filled = elements.get(share.set) ?? new Map<string, Element>();
      elements.set(share.set, filled);
      for (const element of share.elements) if (!filled.has(element.key)) filled.set(element.key, element);
    }
    for (const { name, spread } of unit.spreads) spreads.set(name, spread);
    for (const chain of unit.chains) chains.set(chain.name, chain);
    for (const set of unit.sets) sets.set(set.name, set);
  }
  const maps = [...spreads.values()].map((spread) => endpointMap(spread, node));
  for (const set of [...standingSets, ...maps])
    sets.set(set.name, { ...set, elements: elements.get(set.name) ?? new Map() });
  for (const chain of nodeChains(node)) chains.set(chain.name, chain);
  for (const [name, spread] of spreads) chains.set(name, makeChain(node.family, name, spreadRules(spread, node)));
  return { family: node.family, table: tableName(node.chainPrefix), sets, chains };
}
