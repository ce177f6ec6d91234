import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Ruleset } from '../netfilter/rule.ts';
import { traceRuleset } from '../netfilter/trace/trace.ts';
import type { Side } from '../planning/traffic.ts';
import { entryText, findFrontends } from './frontends.ts';

/** What rules alone do with packets. */
export function rulesetSide(ruleset: Ruleset, node: NodeContext): Side {
  return {
    frontends: findFrontends(ruleset, node.chainPrefix),
    entry: entryText(ruleset, node.chainPrefix),
    verdictOf: (packet) => traceRuleset(ruleset, packet, node, { brief: true }).verdict,
  };
}
