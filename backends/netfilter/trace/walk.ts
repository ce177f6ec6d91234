import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import type { TraceStep } from '../../../compiler/semantics/packet.ts';
import type { Outcome } from '../../../compiler/semantics/verdict.ts';
import { unreachable } from '../../../compiler/values/unreachable.ts';
import { candidateRules, portQuestions } from '../chain-index.ts';
import { certain, type Dyadic, dyadicToRational, isNothing, splitDyadic } from '../dyadic.ts';
import type { Flow } from './flow.ts';
import { ruleChance, type Surroundings, type TraceOptions } from '../text/matches.ts';
import { type Chain, chainKey, type KernelChain, type Rule, type Ruleset, type Table, type Target } from '../rule.ts';

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
  /** Every rule that matched so far; of a brief walk only those that could not be followed. */
  readonly steps: readonly TraceStep[];
}

/** How a flow leaves a rule, or a chain. */
interface Exit {
  readonly flow: Flow;
  readonly by: 'next' | 'return' | 'accept' | 'drop' | 'reject';
}

/** Where flows go from a rule: out of the chain, or on to the next rule. */
interface Landing {
  readonly exits: Exit[];
  readonly staying: Flow[];
}

/** A rule where it stands. */
interface PlacedRule {
  readonly rule: Rule | undefined;
  readonly line: string;
  readonly where: string;
  /** The key of the chain that it jumps to, in the table that it stands in. */
  readonly jumpKey: string;
}

function place(rule: Rule | undefined, line: string, table: Table, where: string): PlacedRule {
  const target = rule?.target;
  return { rule, line, where, jumpKey: target?.kind === 'jump' ? chainKey(table, target.chain) : '' };
}

export function createWalk(ruleset: Ruleset, node: NodeContext, options: TraceOptions = {}): Walk {
  const around: Surroundings = { ruleset, node, options };
  const steps: TraceStep[] = [];
  const refused: Outcome[] = [];

  function record(at: PlacedRule, of: Dyadic, skipped?: TraceStep['skipped']): void {
    if (options.brief === true && skipped === undefined) return;
    const step = { where: at.where, rule: at.line, share: dyadicToRational(of) };
    steps.push(skipped === undefined ? step : { ...step, skipped });
  }

  /** Sends one flow through rules in order. `path`: chains that it is in already. */
  function walkRules(table: Table, rules: readonly PlacedRule[], start: Flow, path: readonly string[]): Exit[] {
    const exits: Exit[] = [];
    let standing = [start];
    for (const at of rules) {
      const staying: Flow[] = [];
      for (const flow of standing) tryRule(table, at, flow, path, { exits, staying });
      standing = staying;
      if (standing.length === 0) break;
    }
    for (const flow of standing) exits.push({ flow, by: 'next' });
    return exits;
  }

  function tryRule(table: Table, at: PlacedRule, flow: Flow, path: readonly string[], to: Landing): void {
    const chance = at.rule === undefined ? undefined : ruleChance(at.rule, flow, around);
    if (at.rule === undefined || chance === undefined) {
      record(at, flow.share, 'not understood');
      to.staying.push(flow);
      return;
    }
    if (isNothing(chance)) {
      to.staying.push(flow);
      return;
    }
    if (chance === certain) return act(table, at, at.rule.target, flow, path, to);
    const { taken, left } = splitDyadic(flow.share, chance);
    act(table, at, at.rule.target, { ...flow, share: taken }, path, to);
    if (!isNothing(left)) to.staying.push({ ...flow, share: left });
  }

  function act(
    table: Table,
    at: PlacedRule,
    target: Target | undefined,
    flow: Flow,
    path: readonly string[],
    { exits, staying }: Landing,
  ): void {
    if (target?.kind === 'jump') return jump(table, at, flow, path, { exits, staying });
    record(at, flow.share);
    switch (target?.kind) {
      case undefined:
        staying.push(flow);
        return;
      case 'mark':
        staying.push({ ...flow, mark: ((flow.mark & ~target.mask) ^ target.value) >>> 0 });
        return;
      case 'dnat': {
        const { address: destination, port: destinationPort } = target;
        exits.push({ flow: { ...flow, destination, destinationPort, isTranslated: true }, by: 'accept' });
        return;
      }
      case 'masquerade':
        exits.push({ flow: { ...flow, isMasqueraded: true }, by: 'accept' });
        return;
      case 'accept':
        exits.push({ flow: { ...flow, isLetIn: flow.isLetIn || table === 'filter' }, by: 'accept' });
        return;
      case 'return':
      case 'drop':
      case 'reject':
        exits.push({ flow, by: target.kind });
        return;
      default:
        return unreachable(target);
    }
  }

  function jump(table: Table, at: PlacedRule, flow: Flow, path: readonly string[], to: Landing): void {
    const key = at.jumpKey;
    const chain = ruleset.chains.get(key);
    // A kernel refuses both when rules are loaded; a dump of rules can still say so.
    const obstacle = chain === undefined ? 'no such chain' : path.includes(key) ? 'loop' : undefined;
    record(at, flow.share, obstacle);
    if (chain === undefined || obstacle !== undefined) {
      to.staying.push(flow);
      return;
    }
    const all = placed(chain, key);
    if (options.asked !== undefined && !flow.isTranslated) portQuestions(chain).forEach(options.asked);
    const places = candidateRules(chain, flow);
    const rules = places === undefined ? all : places.flatMap((place) => all[place] ?? []);
    for (const exit of walkRules(table, rules, flow, [...path, key])) {
      if (exit.by === 'return' || exit.by === 'next') to.staying.push(exit.flow);
      else to.exits.push(exit);
    }
  }

  return {
    steps,
    refused,
    pass(table, chain, flows) {
      const hooks = ruleset.hooks
        .filter((hook) => hook.table === table && hook.chain === chain)
        .map(({ rule, line }) => place(rule, line, table, `${table} ${chain}`));
      const going: Flow[] = [];
      for (const start of flows) {
        for (const { flow, by } of walkRules(table, hooks, start, [])) {
          if (by === 'drop' || by === 'reject')
            refused.push({ share: dyadicToRational(flow.share), fate: { kind: by } });
          else going.push(flow);
        }
      }
      return going;
    },
  };
}

/** Chains are walked by every probe, and their rules stand where they stand. */
const placesOf = new WeakMap<Chain, readonly PlacedRule[]>();

function placed(chain: Chain, where: string): readonly PlacedRule[] {
  const known = placesOf.get(chain);
  if (known !== undefined) return known;
  const { rules, lines, table } = chain;
  const places = lines.map((line, i) => place(rules[i], line, table, where));
  placesOf.set(chain, places);
  return places;
}
