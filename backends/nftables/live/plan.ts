import { hash } from 'node:crypto';
import type { Observed, Plan, PlanChanges, PlanOptions } from '../../backend.ts';
import type { ProgramOf } from '../../made.ts';
import { type Danger, trafficDangers } from '../../planning/dangers.ts';
import { compareTraffic, countReached, type Side } from '../../planning/traffic.ts';
import { isUsed, type Target } from '../../target.ts';
import { printTransaction, type Transaction } from '../plan/command.ts';
import { programLook } from '../trace/look.ts';
import { printProgram } from '../program/print.ts';
import type { NftProgram } from '../program/program.ts';
import type { NftablesUnit } from '../unit.ts';
import type { Wanted } from './apply.ts';
import type { Observation } from './observe.ts';
import { diffParts } from './parts.ts';
import { lineCount } from './perform.ts';
import { saveTransaction } from './saved-commands.ts';
import { programSide } from './side.ts';
import { planSteps } from './steps.ts';

export interface Planner {
  /** What a plan starts from. source: for people */
  observed(source: string, found: Observation): Observed;
  /** What shall be in force: nothing at all in a family that nobody uses. */
  wanted(target: Target): Wanted;
}

export function plannerOf(programOf: ProgramOf<NftablesUnit, NftProgram>, takeOver: boolean): Planner {
  const wanted = (target: Target): Wanted => ({
    assembled: isUsed(target) ? programOf(target) : undefined,
    node: target.node,
    services: target.services,
  });

  function observed(source: string, found: Observation): Observed {
    return {
      family: found.family,
      source,
      isOurs: found.program !== undefined,
      look: (node) => programLook(inForce(found), node),
      plan: (target, options) => planOf(source, found, target, options),
    };
  }

  function planOf(source: string, found: Observation, target: Target, options: PlanOptions): Plan {
    const desired = wanted(target).assembled;
    // A plan that is only shown says what a take-over would do.
    const steps = planSteps(found, desired?.program, takeOver || !options.isToBeApplied);
    const after: Observation = {
      ...found,
      program: desired?.program,
      kubeProxy: desired === undefined ? found.kubeProxy : undefined,
    };
    return {
      family: found.family,
      backend: 'nftables',
      source,
      hasSteps: steps.length > 0,
      transactions: steps.length === 0 ? 0 : 1,
      diagnostics: desired?.diagnostics ?? [],
      changes: () => changesOf(found, after, steps, target, options),
      steps: () => steps.map((step) => ({ phase: 'switch', kind: 'transaction', document: printTransaction(step) })),
      saved: () => ({
        family: found.family,
        fingerprint: fingerprintOf(found),
        result: fingerprintOf(after),
        steps: steps.map(saveTransaction),
      }),
      after: () => observed('the last plan', after),
    };
  }

  return { observed, wanted };
}

function changesOf(
  found: Observation,
  after: Observation,
  steps: readonly Transaction[],
  { node }: Target,
  options: PlanOptions,
): PlanChanges {
  const before = options.before ?? sideOf(found, node);
  const frontends = compareTraffic(before, sideOf(after, node), node.family, node.nodeIP);
  const parts = [...diffParts(found.program, after.program), ...diffParts(found.kubeProxy, after.kubeProxy)];
  return {
    frontends,
    parts,
    dangers: [...takenOver(found), ...trafficDangers(frontends, countReached(before, node.family, node.nodeIP))],
    cost: {
      transactions: steps.length === 0 ? 0 : 1,
      lines: lineCount(steps),
      parts: parts.length,
      words: { transaction: 'transaction', part: 'part' },
    },
    notes: [],
  };
}

function sideOf(found: Observation, node: Target['node']): Side {
  return programSide(inForce(found), node);
}

function inForce({ program, kubeProxy, family, table }: Observation): NftProgram {
  return program ?? kubeProxy ?? { family, table, sets: new Map(), chains: new Map() };
}

function takenOver({ kubeProxy }: Observation): Danger[] {
  if (kubeProxy === undefined) return [];
  return [
    {
      code: 'another-writer',
      message: `table ${kubeProxy.table} of a kube-proxy goes; stop it first, or it comes back`,
    },
  ];
}

/** Equal for kernels that hold the same of slicewright's and of a kube-proxy's. */
export function fingerprintOf({ program, kubeProxy }: Observation): string {
  const texts = [program, kubeProxy].map((one) => (one === undefined ? '' : printProgram(one)));
  return hash('sha256', texts.join('\n'));
}
