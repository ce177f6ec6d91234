import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Maker } from '../maker.ts';
import { chainFromLines } from '../netfilter/chain.ts';
import { checkRuleset } from '../netfilter/check.ts';
import { rulesetText } from '../netfilter/text/document.ts';
import { chainKey, type Ruleset } from '../netfilter/rule.ts';
import { link, separateUnits } from './link.ts';
import { lower } from './lower.ts';
import { hashesOf } from './names.ts';
import { standingChains } from './node-chains.ts';
import type { IptablesUnit, LowerOptions } from './unit.ts';

/** Where kube-proxy counts a cluster as large: more known endpoints than this in one family. */
const largeClusterEndpoints = 1000;

/**
 * The facts about all Service ports of a family that decide how each of them is lowered. In a large cluster
 * the rules of endpoints lose their comments, as in kube-proxy: they are most of all rules.
 */
export function lowerOptionsOf(knownEndpoints: number): LowerOptions {
  return { endpointComments: knownEndpoints <= largeClusterEndpoints };
}

function lowerOptionsFor(irs: readonly ServicePortIR[]): LowerOptions {
  return lowerOptionsOf(irs.reduce((sum, ir) => sum + ir.known.length, 0));
}

function files(program: Ruleset, node: NodeContext): ReadonlyMap<string, string> {
  const name = node.family === 'IPv4' ? 'iptables-save' : 'ip6tables-save';
  return new Map([[name, rulesetText(program)]]);
}

/** Its chains, and of the chains that all share its own rules. */
function printUnit({ chains, entries }: IptablesUnit, { family }: NodeContext): string {
  const shared = Map.groupBy(entries, ({ table, into }) => chainKey(table, into));
  const all = [...shared.values()].flatMap((alike) => {
    const [first] = alike;
    if (first === undefined) return [];
    const lines = alike.map(({ line }) => line);
    return [chainFromLines(family, first.table, first.into, lines)];
  });
  return rulesetText({
    family,
    hooks: [],
    chains: new Map([...all, ...chains].map((chain) => [chainKey(chain.table, chain.name), chain])),
  });
}

/** The pure half of the backend. */
export const iptables: Maker<IptablesUnit, Ruleset, LowerOptions> = {
  name: 'iptables',
  wholeOf: lowerOptionsFor,
  lower,
  leftOut: (units) => separateUnits(units).leftOut,
  link,
  check: (program, node) => checkRuleset(program, standingChains(node.chainPrefix)),
  print: rulesetText,
  printUnit,
  hiddenNames: hashesOf,
  files,
};
