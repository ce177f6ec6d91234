import { counted } from '../../../compiler/values/counted.ts';
import type { Observed, Plan, PlanChanges, PlanOptions } from '../../backend.ts';
import type { ProgramOf } from '../../made.ts';
import { hookDangers } from '../../netfilter/diff/dangers.ts';
import { aheadTexts, jumpsAhead } from '../../netfilter/diff/ahead.ts';
import { stayingNotes } from '../../netfilter/diff/staying.ts';
import type { RulesetSide, TableWriter } from '../../netfilter/own-chains.ts';
import { underPrefix } from '../../netfilter/prefix.ts';
import { chainKey } from '../../netfilter/rule.ts';
import { withAhead } from '../../netfilter/trace/ahead.ts';
import type { Foreign } from '../../netfilter/text/parse.ts';
import { type Danger, trafficDangers } from '../../planning/dangers.ts';
import { lazily, servicesOf, type Sides } from '../../planning/served.ts';
import { compareTraffic, countReached } from '../../planning/traffic.ts';
import { isUsed, type Scope, type Target } from '../../target.ts';
import { afterPlan } from '../program/applied.ts';
import { adoptForeign, conflictText, findConflicts } from '../plan/conflicts.ts';
import { departures } from '../plan/departure.ts';
import { fingerprintOf } from '../plan/fingerprint.ts';
import { drainSeconds } from '../program/ledger.ts';
import { outcomeOf } from '../plan/outcome.ts';
import { planProgram } from '../plan/plan.ts';
import { programLook } from '../program/look.ts';
import { emptyProgram, type IpvsProgram, type IpvsUnit, nothingFound } from '../program/program.ts';
import { type IpvsStep, scriptOf } from '../plan/steps.ts';
import { differences } from './differences.ts';
import { accessFilter } from '../program/chain-names.ts';
import { ipvsSide } from './side.ts';

/** Another backend that writes tables, with what its rules do where they decide alone. */
export interface OtherWriter extends TableWriter {
  readonly side: RulesetSide | undefined;
}

type Taking = Pick<Scope, 'takeOver' | 'excludeCidrs'>;

export interface Planner {
  /**
   * What a plan starts from.
   *
   * source    for people
   * dangers   of the place itself, whatever the plan does there
   * taking    whether other programs' servers are taken over, and where not; undefined: they are not
   * foreign   other programs' rules, where the program itself does not hold them
   */
  observed(
    source: string,
    program: IpvsProgram,
    dangers: readonly Danger[],
    taking?: Taking,
    foreign?: Foreign,
  ): Observed;
  /** Without rules and servers in a family that has no use: IPVS is not wanted there at all. */
  desired(observed: IpvsProgram, target: Target): IpvsProgram;
}

/** others   the other backends that write tables */
export function plannerOf(others: readonly OtherWriter[], programOf: ProgramOf<IpvsUnit, IpvsProgram>): Planner {
  const desired = ({ family, prefix }: IpvsProgram, target: Target): IpvsProgram =>
    isUsed(target) ? programOf(target).program : emptyProgram(family, prefix);

  function observed(
    source: string,
    program: IpvsProgram,
    dangers: readonly Danger[],
    taking?: Taking,
    foreign = program.found?.tables?.foreign ?? noOthers,
  ): Observed {
    return {
      family: program.family,
      source,
      isOurs: true,
      isInForce: isInForce(program),
      look: (node, how) => programLook(how?.withOthers === true ? behind(foreign, program) : program, node),
      inFront: () => aheadTexts(foreign),
      notFollowed: () => jumpsAhead(foreign),
      plan(target, options) {
        const wanted = desired(program, target);
        const start = taking?.takeOver === true ? adoptForeign(program, wanted, taking.excludeCidrs) : program;
        const steps = planProgram(start, wanted);
        return planOf({ source, observed: start, desired: wanted, dangers, steps, target, options });
      },
    };
  }

  interface Planned {
    readonly source: string;
    readonly observed: IpvsProgram;
    readonly desired: IpvsProgram;
    readonly dangers: readonly Danger[];
    readonly steps: readonly IpvsStep[];
    readonly target: Target;
    readonly options: PlanOptions;
  }

  function planOf(planned: Planned): Plan {
    const { source, observed: start, steps, target } = planned;
    const { family } = start;
    const sides = lazily(() => sidesOf(planned));
    return {
      ...{ family, source, backend: 'ipvs' },
      hasSteps: steps.length > 0,
      transactions: steps.length,
      diagnostics: programOf(target).diagnostics,
      changes: () => changesOf(planned, sides()),
      served: () => ({ before: servicesOf(sides().before), after: servicesOf(sides().after) }),
      steps: () => steps.map(stepJson),
      saved: () => ({
        ...{ family, fingerprint: fingerprintOf(start), result: resultOf(start, steps) },
        steps: steps.map(savedStep),
      }),
      after: () => observed('the last plan', afterPlan(start, planned.desired), []),
    };
  }

  const otherIn = (start: IpvsProgram) => others.find((writer) => writer.isInForce(start.rules, start.prefix));

  function sidesOf({ observed: start, desired: wanted, target: { services, node }, options }: Planned): Sides {
    const before = options.before ?? otherIn(start)?.side?.(start.rules, node) ?? ipvsSide(start, services, node);
    return { before, after: ipvsSide(wanted, services, node) };
  }

  function changesOf(
    { observed: start, desired: wanted, dangers, steps, target: { services, node } }: Planned,
    { before, after }: Sides,
  ): PlanChanges {
    const other = otherIn(start);
    const frontends = compareTraffic(before, after, node);
    const foreign = start.found?.tables?.foreign ?? noOthers;
    // While another backend's rules are in force, no hook is reported as missing.
    const hooked = other === undefined ? start.rules : wanted.rules;
    const parts = differences(start, wanted, services);
    const scripts = steps.map((step) => scriptOf(step).text);
    return {
      frontends,
      parts,
      dangers: [
        ...dangers,
        ...conflictDangers(start, wanted),
        ...trafficDangers(frontends, () => countReached(before, node)),
        ...hookDangers(hooked, wanted.rules, foreign),
      ],
      cost: {
        transactions: scripts.length,
        lines: scripts.reduce((sum, text) => sum + text.split('\n').length - 1, 0),
        parts: parts.filter(({ change }) => change !== 'hooks').length,
        words: { transaction: 'script', part: 'part' },
      },
      notes: [
        ...(other === undefined
          ? []
          : [`the rules of ${other.backend} mode are removed once virtual servers replace them`]),
        ...(start.found?.tables === undefined ? [] : stayingNotes(start.found.tables)),
        ...drainNote(start, wanted),
      ],
    };
  }

  return { observed, desired };
}

function behind(foreign: Foreign, program: IpvsProgram): IpvsProgram {
  return { ...program, rules: withAhead(program.rules, foreign) };
}

/** Chains that no other mode has; kube-proxies before 1.26 do not have all of them. */
function isInForce({ rules: { chains }, prefix }: IpvsProgram): boolean {
  const own = [
    ['filter', accessFilter],
    ['nat', 'KUBE-LOAD-BALANCER'],
    ['nat', 'KUBE-NODE-PORT'],
  ] as const;
  return own.some(([table, name]) => chains.has(chainKey(table, underPrefix(name, prefix))));
}

const noOthers: Foreign = { chains: [], inFront: [], references: [], remarks: [] };

/** A step for programs: the command, and what it reads from standard input. */
function stepJson(step: IpvsStep): object {
  const { file, args, text } = scriptOf(step);
  return { phase: step.phase, kind: step.kind, command: [file, ...args].join(' '), script: text };
}

/** throws   when the steps lead nowhere, which is a defect: they were made for what is there */
function resultOf(start: IpvsProgram, steps: readonly IpvsStep[]): string {
  const outcome = outcomeOf(start, steps);
  if (outcome === undefined) throw new Error('the steps of a plan need something that does not exist');
  return fingerprintOf(outcome);
}

/** A step for `apply --plan`. */
function savedStep(step: IpvsStep): object {
  if (step.kind === 'sysctls') {
    return { ...step, from: Object.fromEntries(step.from), to: Object.fromEntries(step.to) };
  }
  if (step.kind !== 'chains') return step;
  // The tools are looked up again when the plan is performed, and a plan that is performed later is not undone.
  const { phase, family, kind, document } = step;
  return { phase, family, kind, document };
}

function drainNote(observed: IpvsProgram, desired: IpvsProgram): string[] {
  const { found = nothingFound } = observed;
  const leaving = departures(observed, desired, found).reals.filter(({ how }) => how !== 'delete');
  if (leaving.length === 0) return [];
  const keep = leaving.length === 1 ? 'keeps its' : 'keep their';
  return [`${counted(leaving.length, 'real server')} ${keep} connections until they end, ${drainSeconds} s at most`];
}

function conflictDangers(observed: IpvsProgram, desired: IpvsProgram): Danger[] {
  return findConflicts(observed, desired).map((conflict) => ({ code: conflict.kind, message: conflictText(conflict) }));
}
