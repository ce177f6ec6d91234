import type { Observed, Plan, PlanChanges, PlanOptions } from '../../backend.ts';
import type { ProgramOf } from '../../made.ts';
import type { RuleAhead } from '../../plane/ahead-watch.ts';
import { type Danger, trafficDangers } from '../../planning/dangers.ts';
import { lazily, servicesOf, type Sides } from '../../planning/served.ts';
import type { Side } from '../../planning/side.ts';
import { compareTraffic, countReached } from '../../planning/traffic.ts';
import { isUsed, type Target } from '../../target.ts';
import { printTransaction, type Transaction } from '../plan/command.ts';
import { programLook } from '../trace/look.ts';
import type { NftProgram } from '../program/program.ts';
import type { NftablesUnit } from '../unit.ts';
import { aheadDangers } from './ahead.ts';
import type { Wanted } from './apply.ts';
import { fingerprintOf } from './fingerprint.ts';
import { behind } from './dump-ahead.ts';
import type { Observation } from './observe.ts';
import { diffParts } from './parts.ts';
import { lineCount } from './perform.ts';
import { saveTransaction } from './saved-commands.ts';
import { programSide } from './side.ts';
import { planSteps } from './steps.ts';

export interface Planner {
  /**
   * What a plan starts from.
   *
   * source   for people
   * ahead    other programs' rules that packets meet before
   */
  observed(source: string, found: Observation, ahead?: readonly RuleAhead[]): Observed;
  /** What should be in force: nothing at all in a family without use. */
  wanted(target: Target): Wanted;
}

export function plannerOf(programOf: ProgramOf<NftablesUnit, NftProgram>, takeOver: boolean): Planner {
  const wanted = (target: Target): Wanted => ({
    assembled: isUsed(target) ? programOf(target) : undefined,
    node: target.node,
    services: target.services,
  });

  function observed(source: string, found: Observation, ahead: readonly RuleAhead[] = []): Observed {
    return {
      family: found.family,
      source,
      isOurs: found.program !== undefined,
      isInForce: found.program !== undefined || found.kubeProxy !== undefined,
      look: (node, how) =>
        programLook(how?.withOthers === true ? behind(found.ahead ?? [], inForce(found)) : inForce(found), node),
      inFront: () => ahead.map(({ where, rule }) => `${where}: ${rule}`),
      plan: (target, options) => planOf(source, found, ahead, target, options),
    };
  }

  function planOf(
    source: string,
    found: Observation,
    ahead: readonly RuleAhead[],
    target: Target,
    options: PlanOptions,
  ): Plan {
    const desired = wanted(target).assembled;
    // A plan shows what a take-over does; whether it is allowed is checked when the plan is applied.
    const isTaking = takeOver || desired !== undefined;
    const steps = planSteps(found, desired?.program, isTaking);
    const after: Observation = {
      ...found,
      program: desired?.program,
      kubeProxy: isTaking ? undefined : found.kubeProxy,
    };
    const sides = lazily(() => ({
      before: options.before ?? sideOf(found, target),
      after: sideOf(after, target),
    }));
    return {
      family: found.family,
      backend: 'nftables',
      source,
      hasSteps: steps.length > 0,
      transactions: steps.length === 0 ? 0 : 1,
      diagnostics: desired?.diagnostics ?? [],
      changes: () => changesOf(found, after, { steps, takeOver, ahead }, target, sides()),
      served: () => ({ before: servicesOf(sides().before), after: servicesOf(sides().after) }),
      steps: () => steps.map((step) => ({ phase: 'switch', kind: 'transaction', document: printTransaction(step) })),
      saved: () => ({
        family: found.family,
        fingerprint: fingerprintOf(found),
        result: fingerprintOf(after),
        steps: steps.map(saveTransaction),
      }),
      after: () => observed('the last plan', after, ahead),
    };
  }

  return { observed, wanted };
}

interface Circumstances {
  readonly steps: readonly Transaction[];
  readonly takeOver: boolean;
  readonly ahead: readonly RuleAhead[];
}

function changesOf(
  found: Observation,
  after: Observation,
  { steps, takeOver, ahead }: Circumstances,
  { node }: Target,
  sides: Sides,
): PlanChanges {
  const { before } = sides;
  const frontends = compareTraffic(before, sides.after, node);
  const parts = [...diffParts(found.program, after.program), ...diffParts(found.kubeProxy, after.kubeProxy)];
  return {
    frontends,
    parts,
    dangers: [
      ...takenOver(found, takeOver),
      ...trafficDangers(frontends, () => countReached(before, node)),
      ...(after.program === undefined ? [] : aheadDangers(ahead)),
    ],
    cost: {
      transactions: steps.length === 0 ? 0 : 1,
      lines: lineCount(steps),
      parts: parts.length,
      words: { transaction: 'transaction', part: 'part' },
    },
    notes: [],
  };
}

function sideOf(found: Observation, { services, node }: Target): Side {
  return programSide(inForce(found), services, node);
}

function inForce({ program, kubeProxy, family, table }: Observation): NftProgram {
  return program ?? kubeProxy ?? { family, table, sets: new Map(), chains: new Map() };
}

function takenOver({ kubeProxy }: Observation, takeOver: boolean): Danger[] {
  if (kubeProxy === undefined) return [];
  const needs = takeOver ? '' : ', for which apply needs --take-over';
  const message = `table ${kubeProxy.table} of a kube-proxy is removed${needs}; stop it first, or it comes back`;
  return [{ code: 'another-writer', message }];
}
