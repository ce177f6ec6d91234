import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import type { TraceStep } from '../../../compiler/semantics/packet.ts';
import type { Outcome } from '../../../compiler/semantics/verdict.ts';
import { unreachable } from '../../../compiler/values/unreachable.ts';
import { candidateRules, portsIn } from '../chain-index.ts';
import { certain, type Dyadic, dyadicToRational, isNothing, splitDyadic } from '../dyadic.ts';
import type { Flow } from './flow.ts';
import { ruleMatches, type Surroundings, type TraceOptions } from '../text/matches.ts';
import type { KernelChain, Ruleset, Table, Target } from '../rule.ts';
import { type PlacedRule, placesIn } from './places.ts';

/** One packet's way through a ruleset, hook by hook. What calls it knows the order of the hooks. */
export interface Walk {
  /**
   * Sends flows through slicewright's rules in a chain of the kernel.
   *
   * returns  those that go on, which may be more: a chance splits a flow. What is refused is
   *          added to `refused`.
   */
  pass(table: Table, chain: KernelChain, flows: readonly Flow[]): Flow[];
  readonly refused: readonly Outcome[];
  /** Every rule that has matched; in a brief walk only those that could not be followed. */
  readonly steps: readonly TraceStep[];
}

/**
 * The part of a flow that goes on: all of it, parts, or nothing. Of tens of thousands of rules nearly each leaves one flow
 * to the next, and a list for each would be most of the work.
 */
type Going = (Flow & { readonly flows?: never }) | Parts | undefined;

interface Parts {
  readonly flows: readonly Flow[];
}

function flowsOf(going: Going): readonly Flow[] {
  if (going === undefined) return [];
  return going.flows ?? [going];
}

function join(a: Going, b: Going): Going {
  if (a === undefined) return b;
  return b === undefined ? a : { flows: [...flowsOf(a), ...flowsOf(b)] };
}

/** Where flows of a chain go. */
interface Exits {
  /** Accepted, which ends every chain down to the kernel's: one list for the whole way. */
  readonly accepted: Flow[];
  /** Back to the chain that jumped here. */
  ended: Going;
}

/** The chains that a flow is in, the innermost first. */
interface Path {
  readonly key: string;
  /** How many they are. */
  readonly depth: number;
  readonly outer: Path | undefined;
}

export function createWalk(ruleset: Ruleset, node: NodeContext, options: TraceOptions = {}): Walk {
  const around: Surroundings = { ruleset, node, options };
  const places = placesIn(ruleset);
  const steps: TraceStep[] = [];
  const refused: Outcome[] = [];

  function record(at: PlacedRule, of: Dyadic, path: Path | undefined, skipped?: TraceStep['skipped']): void {
    if (options.brief === true && skipped === undefined) return;
    const step: TraceStep = { where: at.where, rule: at.line, share: dyadicToRational(of), depth: path?.depth ?? 0 };
    const whose = at.ofOthers ? ({ ofOthers: true } as const) : {};
    steps.push(skipped === undefined ? { ...step, ...whose } : { ...step, skipped, ...whose });
  }

  /**
   * Sends one flow through rules in order.
   *
   * path     chains that it is in already
   * returns  what comes to the end of these rules, or returns from them
   */
  function walkRules(
    table: Table,
    rules: readonly PlacedRule[],
    start: Flow,
    path: Path | undefined,
    accepted: Flow[],
  ): Going {
    const exits: Exits = { accepted, ended: undefined };
    let standing: Going = start;
    for (const at of rules) {
      if (standing === undefined) break;
      standing =
        standing.flows === undefined
          ? tryRule(table, at, standing, path, exits)
          : tryEach(table, at, standing, path, exits);
    }
    return join(exits.ended, standing);
  }

  function tryEach(table: Table, at: PlacedRule, { flows }: Parts, path: Path | undefined, exits: Exits): Going {
    let staying: Going;
    for (const flow of flows) staying = join(staying, tryRule(table, at, flow, path, exits));
    return staying;
  }

  /** returns  what goes on to the next rule */
  function tryRule(table: Table, at: PlacedRule, flow: Flow, path: Path | undefined, exits: Exits): Going {
    const { rule, chance } = at;
    const isMatch = rule === undefined ? undefined : ruleMatches(rule, flow, around);
    if (at.guard !== undefined && ruleMatches(at.guard, flow, around) === false) return flow;
    if (rule === undefined || isMatch === undefined) {
      record(at, flow.share, path, 'not understood');
      return flow;
    }
    if (!isMatch || isNothing(chance)) return flow;
    if (chance === certain) return act(table, at, rule.target, flow, path, exits);
    const { taken, left } = splitDyadic(flow.share, chance);
    const staying = act(table, at, rule.target, { ...flow, share: taken }, path, exits);
    return isNothing(left) ? staying : join(staying, { ...flow, share: left });
  }

  function act(
    table: Table,
    at: PlacedRule,
    target: Target | undefined,
    flow: Flow,
    path: Path | undefined,
    exits: Exits,
  ): Going {
    if (target?.kind === 'jump') return jump(table, at, flow, path, exits);
    record(at, flow.share, path);
    switch (target?.kind) {
      case undefined:
        return flow;
      case 'mark':
        return { ...flow, mark: ((flow.mark & ~target.mask) ^ target.value) >>> 0 };
      case 'dnat': {
        const { address: destination, port: destinationPort } = target;
        exits.accepted.push({ ...flow, destination, destinationPort, isTranslated: true });
        return undefined;
      }
      case 'masquerade':
        exits.accepted.push({ ...flow, isMasqueraded: true });
        return undefined;
      case 'accept':
        exits.accepted.push({ ...flow, isLetIn: flow.isLetIn || table === 'filter' });
        return undefined;
      case 'return':
        exits.ended = join(exits.ended, flow);
        return undefined;
      case 'drop':
      case 'reject':
        refused.push({ share: dyadicToRational(flow.share), fate: { kind: target.kind } });
        return undefined;
      default:
        return unreachable(target);
    }
  }

  function jump(table: Table, at: PlacedRule, flow: Flow, path: Path | undefined, { accepted }: Exits): Going {
    const key = at.jumpKey;
    const target = places.jumpedTo(at);
    // A kernel refuses both when rules are loaded; a dump can still hold them.
    const obstacle = target === undefined ? 'no such chain' : isIn(path, key) ? 'loop' : undefined;
    record(at, flow.share, path, obstacle);
    if (target === undefined || obstacle !== undefined) return flow;
    const { chain, rules: all } = target;
    if (options.asked !== undefined && !flow.isTranslated) options.asked({ kind: 'ports', ports: portsIn(chain) });
    const candidates = candidateRules(chain, flow);
    const rules = candidates === undefined ? all : candidates.flatMap((place) => all[place] ?? []);
    return walkRules(table, rules, flow, { key, depth: (path?.depth ?? 0) + 1, outer: path }, accepted);
  }

  return {
    steps,
    refused,
    pass(table, chain, flows) {
      const hooks = places.hooksAt(table, chain);
      if (hooks.length === 0) return [...flows];
      const going: Flow[] = [];
      for (const start of flows) {
        for (const flow of flowsOf(walkRules(table, hooks, start, undefined, going))) going.push(flow);
      }
      return going;
    },
  };
}

function isIn(path: Path | undefined, key: string): boolean {
  for (let at = path; at !== undefined; at = at.outer) if (at.key === key) return true;
  return false;
}
