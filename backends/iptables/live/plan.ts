import type { Family } from '../../../compiler/values/address.ts';
import type { Observed, Plan, PlanChanges, PlanOptions } from '../../backend.ts';
import type { ProgramOf } from '../../made.ts';
import { diffChains } from '../../netfilter/diff/chain-differences.ts';
import { hookDangers } from '../../netfilter/diff/dangers.ts';
import { diffRulesets } from '../../netfilter/diff/diff.ts';
import { documentText } from '../../netfilter/text/document.ts';
import { aheadTexts, jumpsAhead } from '../../netfilter/diff/ahead.ts';
import { stayingNotes } from '../../netfilter/diff/staying.ts';
import { fingerprintOf } from '../../netfilter/diff/fingerprint.ts';
import {
  desiredRuleset,
  type Found,
  type LivePlan,
  type NetfilterStep,
  planLive,
  type Target as RulesTarget,
} from '../../netfilter/live/observation.ts';
import type { OwnChains, TableWriter } from '../../netfilter/own-chains.ts';
import { withMark } from '../../netfilter/ownership.ts';
import { ownersIn } from '../../netfilter/owners.ts';
import { kubeNameOf, markerOf, underPrefix } from '../../netfilter/prefix.ts';
import { chainKey, type Ruleset } from '../../netfilter/rule.ts';
import { withAhead } from '../../netfilter/trace/ahead.ts';
import { rulesetLook } from '../../netfilter/trace/look.ts';
import { lineCount } from '../../netfilter/diff/transaction.ts';
import { type Danger, trafficDangers } from '../../planning/dangers.ts';
import { lazily, servicesOf, type Sides } from '../../planning/served.ts';
import { compareTraffic } from '../../planning/traffic.ts';
import { isUsed, type Target } from '../../target.ts';
import { countEndpoints } from '../frontends.ts';
import { readingsOfAge } from '../known.ts';
import { nodeChain } from '../names.ts';
import { rulesetSide } from '../side.ts';
import { iptablesTables } from '../table-writer.ts';
import type { IptablesUnit } from '../unit.ts';

export interface PlannerParts {
  readonly own: OwnChains;
  /** The other backends that write tables. */
  readonly others: readonly TableWriter[];
  readonly programOf: ProgramOf<IptablesUnit, Ruleset>;
}

export interface Planner {
  /**
   * What a plan starts from.
   *
   * source    for people
   * dangers   of the place itself, whatever the plan does there
   */
  observed(source: string, found: Found, dangers: readonly Danger[]): Observed;
  /** The rules that should be in force: none at all in a family that has no use. */
  wanted(target: Target): RulesTarget;
}

export function plannerOf({ own, others, programOf }: PlannerParts): Planner {
  const wanted = (target: Target): RulesTarget => ({
    program: isUsed(target) ? programOf(target).program : undefined,
    services: target.services,
  });

  /**
   * The mark shows that a kernel's chains are slicewright's; a dump has no owner. The mark is wanted where the dump
   * has it or the plan is to be applied, else a program that `compile` wrote would differ from itself.
   */
  function desiredFrom(found: Found, target: RulesTarget, { isToBeApplied }: PlanOptions): Ruleset {
    const desired = desiredRuleset(found, target, own);
    return isToBeApplied || found.owner === 'us' ? desired : withoutMark(desired, own);
  }

  function observed(source: string, found: Found, dangers: readonly Danger[]): Observed {
    return {
      family: found.family,
      source,
      isOurs: found.owner === 'us',
      isInForce: isInForce(found.ruleset, own, others),
      look: (node, how) =>
        rulesetLook(how?.withOthers === true ? withAhead(found.ruleset, found.foreign) : found.ruleset, node),
      readings: readingsOfAge(found.ruleset, own.prefix),
      inFront: () => aheadTexts(found.foreign),
      notFollowed: () => jumpsAhead(found.foreign),
      plan(target, options) {
        // A folder that `compile` wrote has rules of both families, used or not.
        const rules = options.isToBeApplied
          ? wanted(target)
          : { ...wanted(target), program: programOf(target).program };
        const live = planLive(found, rules, own, desiredFrom(found, rules, options));
        return planOf({ source, found, dangers, live, target, options });
      },
    };
  }

  interface Planned {
    readonly source: string;
    readonly found: Found;
    readonly dangers: readonly Danger[];
    readonly live: LivePlan;
    readonly target: Target;
    readonly options: PlanOptions;
  }

  function planOf(planned: Planned): Plan {
    const { source, found, live, target } = planned;
    const { family } = found;
    const sides = lazily(() => ({
      before: planned.options.before ?? rulesetSide(found.ruleset, target.node),
      after: rulesetSide(live.desired, target.node),
    }));
    return {
      ...{ family, source, backend: 'iptables' },
      hasSteps: live.steps.length > 0,
      transactions: documentsOf(live).length,
      diagnostics: programOf(target).diagnostics,
      changes: () => changesOf(planned, sides()),
      served: () => ({ before: servicesOf(sides().before), after: servicesOf(sides().after) }),
      steps: () => live.steps.map(stepJson),
      saved: () => ({ family, fingerprint: live.fingerprint, result: live.result, steps: live.steps }),
      after() {
        const there: Found = { ...found, ruleset: live.desired, fingerprint: live.result, owner: 'us' };
        return observed('the last plan', there, []);
      },
    };
  }

  function changesOf({ found, dangers, live, target: { node } }: Planned, { before, after }: Sides): PlanChanges {
    const { desired } = live;
    const frontends = compareTraffic(before, after, node);
    // While another backend's rules are in force, no hook is reported as missing.
    const isOthers = others.some((writer) => writer.isInForce(found.ruleset, own.prefix));
    const parts = diffChains(diffRulesets(found.ruleset, desired), ownersIn([desired, found.ruleset], withMark(own)));
    const documents = documentsOf(live);
    return {
      frontends,
      parts,
      dangers: [
        ...dangers,
        ...trafficDangers(frontends, () => countEndpoints(found.ruleset, own.prefix)),
        ...hookDangers(isOthers ? desired : found.ruleset, desired, found.foreign),
      ],
      cost: {
        transactions: documents.length,
        lines: documents.reduce((sum, { tables }) => sum + lineCount(tables), 0),
        parts: parts.filter(({ change }) => change !== 'hooks').length,
        words: { transaction: 'transaction', part: 'chain' },
      },
      notes: stayingNotes(found),
    };
  }

  return { observed, wanted };
}

/** Services' chains, or of a cluster without any Service the one that all share, without a chain that another mode alone has. */
function isInForce(ruleset: Ruleset, { prefix }: OwnChains, others: readonly TableWriter[]): boolean {
  if (iptablesTables.isInForce(ruleset, prefix)) return true;
  const names = [...ruleset.chains.values()].flatMap(({ name }) => kubeNameOf(name, prefix) ?? []);
  const isOfOthers = names.some((name) => !iptablesTables.isOurs(name) && others.some((other) => other.isOurs(name)));
  return !isOfOthers && ruleset.chains.has(chainKey('nat', underPrefix(nodeChain.services, prefix)));
}

function documentsOf({ steps }: LivePlan) {
  return steps.flatMap((step) => (step.kind === 'restore' ? [step.document] : []));
}

function stepJson(step: NetfilterStep): object {
  const { phase, kind } = step;
  return kind === 'restore'
    ? { phase, kind, document: documentText(step.document.tables) }
    : { phase, kind, flows: step.flows };
}

function withoutMark(ruleset: Ruleset, { prefix }: OwnChains): Ruleset {
  const marker = markerOf(prefix);
  return { ...ruleset, chains: new Map([...ruleset.chains].filter(([, { name }]) => name !== marker)) };
}

export function nothingFound(family: Family): Found {
  const ruleset = { family, chains: new Map(), hooks: [] };
  const foreign = { chains: [], inFront: [], references: [], remarks: [] };
  return { family, ruleset, foreign, owner: 'nobody', fingerprint: fingerprintOf(ruleset) };
}
