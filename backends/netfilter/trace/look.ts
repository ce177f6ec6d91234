import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import type { Look } from '../../equivalence/look.ts';
import { destinationsIn } from '../chain-index.ts';
import type { Ruleset } from '../rule.ts';
import { traceRuleset } from './trace.ts';

/** A ruleset as packets meet it. */
export function rulesetLook(ruleset: Ruleset, node: NodeContext): Look {
  return {
    trace: (packet, how = {}) => traceRuleset(ruleset, packet, node, how),
    *destinations() {
      for (const chain of ruleset.chains.values()) yield* destinationsIn(chain);
      yield* destinationsIn({ rules: ruleset.hooks.map(({ rule }) => rule) });
    },
  };
}
