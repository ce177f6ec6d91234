import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { TraceStep } from '../../compiler/semantics/packet.ts';
import type { Outcome } from '../../compiler/semantics/verdict.ts';
import { unreachable } from '../../compiler/values/unreachable.ts';
import { candidateRules } from './chain-index.ts';
import { complement, type Dyadic, dyadicToRational, isNothing, multiplyDyadic } from './dyadic.ts';
import type { Flow } from './flow.ts';
import { ruleChance, type Surroundings, type TraceOptions } from './matches.ts';
import { chainKey, type KernelChain, type Rule, type Ruleset, type Table, type Target } from './rule.ts';

/** One packet's way through a ruleset, hook by hook. What calls it knows the order of the hooks. */
export interface Walk {
  /**
   * Sends flows through our rules in a chain of the kernel.
   *
   * returns  those that go on, which may be more: a chance splits a flow. What is refused is
   *          added to `refused`.
   */
  pass(table: Table, chain: KernelChain, flows: readonly Flow[]): Flow[];
  readonly refused: readonly Outcome[];
  /** Every rule that matched so far. */
  readonly steps: readonly TraceStep[];
}

/** How a flow leaves a rule, or a chain. */
interface Exit {
  readonly flow: Flow;
  readonly by: 'next' | 'return' | 'accept' | 'drop' | 'reject';
}

/** A rule where it stands. */
interface PlacedRule {
  readonly rule: Rule | undefined;
  readonly line: string;
  readonly where: string;
}

export function createWalk(ruleset: Ruleset, node: NodeContext, options: TraceOptions = {}): Walk {
  const around: Surroundings = { ruleset, node, options };
  const steps: TraceStep[] = [];
  const refused: Outcome[] = [];

  function record(at: PlacedRule, share: Dyadic, skipped?: TraceStep['skipped']): void {
    const step = { where: at.where, rule: at.line, share: dyadicToRational(share) };
    steps.push(skipped === undefined ? step : { ...step, skipped });
  }

  /** Sends one flow through rules in order. `path`: chains that it is in already. */
  function walkRules(table: Table, rules: Iterable<PlacedRule>, start: Flow, path: readonly string[]): Exit[] {
    const exits: Exit[] = [];
    let standing = [start];
    for (const at of rules) {
      const staying: Flow[] = [];
      for (const flow of standing) {
        for (const exit of tryRule(table, at, flow, path)) {
          if (exit.by === 'next') staying.push(exit.flow);
          else exits.push(exit);
        }
      }
      standing = staying;
      if (standing.length === 0) break;
    }
    return [...exits, ...standing.map((flow): Exit => ({ flow, by: 'next' }))];
  }

  function tryRule(table: Table, at: PlacedRule, flow: Flow, path: readonly string[]): Exit[] {
    const chance = at.rule === undefined ? undefined : ruleChance(at.rule, flow, around);
    if (at.rule === undefined || chance === undefined) {
      record(at, flow.share, 'not understood');
      return [{ flow, by: 'next' }];
    }
    if (isNothing(chance)) return [{ flow, by: 'next' }];
    const taken = { ...flow, share: multiplyDyadic(flow.share, chance) };
    const passed = complement(chance);
    const exits = act(table, at, at.rule.target, taken, path);
    return isNothing(passed)
      ? exits
      : [...exits, { flow: { ...flow, share: multiplyDyadic(flow.share, passed) }, by: 'next' }];
  }

  function act(table: Table, at: PlacedRule, target: Target | undefined, flow: Flow, path: readonly string[]): Exit[] {
    if (target?.kind === 'jump') return jump(table, at, target.chain, flow, path);
    record(at, flow.share);
    switch (target?.kind) {
      case undefined:
        return [{ flow, by: 'next' }];
      case 'mark':
        return [{ flow: { ...flow, mark: ((flow.mark & ~target.mask) ^ target.value) >>> 0 }, by: 'next' }];
      case 'dnat': {
        const { address: destination, port: destinationPort } = target;
        return [{ flow: { ...flow, destination, destinationPort, isTranslated: true }, by: 'accept' }];
      }
      case 'masquerade':
        return [{ flow: { ...flow, isMasqueraded: true }, by: 'accept' }];
      case 'accept':
        return [{ flow: { ...flow, isLetIn: flow.isLetIn || table === 'filter' }, by: 'accept' }];
      case 'return':
      case 'drop':
      case 'reject':
        return [{ flow, by: target.kind }];
      default:
        return unreachable(target);
    }
  }

  function jump(table: Table, at: PlacedRule, name: string, flow: Flow, path: readonly string[]): Exit[] {
    const key = chainKey(table, name);
    const chain = ruleset.chains.get(key);
    // A kernel refuses both when rules are loaded; a dump of rules can still say so.
    const obstacle = chain === undefined ? 'no such chain' : path.includes(key) ? 'loop' : undefined;
    record(at, flow.share, obstacle);
    if (chain === undefined || obstacle !== undefined) return [{ flow, by: 'next' }];
    const rules = candidateRules(chain, flow);
    const exits = walkRules(table, placed(chain, rules, key), flow, [...path, key]);
    return exits.map((exit) => (exit.by === 'return' ? { ...exit, by: 'next' } : exit));
  }

  return {
    steps,
    refused,
    pass(table, chain, flows) {
      const hooks = ruleset.hooks
        .filter((hook) => hook.table === table && hook.chain === chain)
        .map(({ rule, line }): PlacedRule => ({ rule, line, where: `${table} ${chain}` }));
      const exits = flows.flatMap((flow) => walkRules(table, hooks, flow, []));
      const going: Flow[] = [];
      for (const { flow, by } of exits) {
        if (by === 'drop' || by === 'reject') refused.push({ share: dyadicToRational(flow.share), fate: { kind: by } });
        else going.push(flow);
      }
      return going;
    },
  };
}

function* placed(
  chain: { readonly rules: readonly (Rule | undefined)[]; readonly lines: readonly string[] },
  places: Iterable<number>,
  where: string,
): Generator<PlacedRule> {
  for (const place of places) yield { rule: chain.rules[place], line: chain.lines[place] ?? '', where };
}
