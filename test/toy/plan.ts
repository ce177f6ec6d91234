import type { Observed, Plan, PlanChanges, PlanOptions } from '../../backends/backend.ts';
import type { ProgramOf } from '../../backends/made.ts';
import { trafficDangers } from '../../backends/planning/dangers.ts';
import { differenceOf } from '../../backends/planning/differences.ts';
import { servicesOf } from '../../backends/planning/served.ts';
import { compareTraffic, countReached } from '../../backends/planning/traffic.ts';
import { isUsed, type Target } from '../../backends/target.ts';
import type { Step } from './kernel.ts';
import type { Line } from './line.ts';
import { emptyProgram, fingerprintOf, lineCount, type Program } from './program.ts';
import { toyLook } from './look.ts';
import { toySide } from './side.ts';

export type ToyProgramOf = ProgramOf<readonly Line[], Program>;

/**
 * Each part that differs, as one transaction. New parts come before old ones go, so that no Service waits for another.
 */
export function planSteps(observed: Program, desired: Program): Step[] {
  const names = [...new Set([...desired.parts.keys(), ...observed.parts.keys()])];
  const steps = names.flatMap((part): Step[] => {
    const [from = [], to = []] = [observed.parts.get(part), desired.parts.get(part)];
    if (from.join('\n') === to.join('\n')) return [];
    return [{ phase: to.length === 0 ? 'remove' : 'switch', part, lines: to }];
  });
  return [...steps.filter(({ phase }) => phase === 'switch'), ...steps.filter(({ phase }) => phase === 'remove')];
}

/** The wanted program: empty in a family that is not used. */
export function wantedProgram(programOf: ToyProgramOf, target: Target): Program {
  return isUsed(target) ? programOf(target).program : emptyProgram(target.node.family);
}

/** The start of a plan; source: its name, for people. */
export function observedProgram(programOf: ToyProgramOf, source: string, program: Program): Observed {
  const { family } = program;
  return {
    ...{ family, source, isOurs: program.parts.size > 0, isInForce: program.parts.size > 0 },
    look: (node) => toyLook(program, node),
    inFront: () => [],
    plan(target, options): Plan {
      const desired = wantedProgram(programOf, target);
      const steps = planSteps(program, desired);
      return {
        ...{ family, source, backend: 'toy' },
        hasSteps: steps.length > 0,
        transactions: steps.length,
        diagnostics: programOf(target).diagnostics,
        changes: () => changesOf(program, desired, steps, target, options),
        served: () => ({
          before: servicesOf(options.before ?? toySide(program, target.node)),
          after: servicesOf(toySide(desired, target.node)),
        }),
        steps: () => steps,
        saved: () => ({ family, fingerprint: fingerprintOf(program), result: fingerprintOf(desired), steps }),
        after: () => observedProgram(programOf, 'the last plan', desired),
      };
    },
  };
}

function changesOf(
  observed: Program,
  desired: Program,
  steps: readonly Step[],
  { node }: Target,
  options: PlanOptions,
): PlanChanges {
  const { family } = node;
  const before = options.before ?? toySide(observed, node);
  const frontends = compareTraffic(before, toySide(desired, node), node);
  const parts = steps.flatMap(({ part }) => {
    const servicePort = part.includes('/') ? part.split('/').slice(0, 2).join('/') : undefined;
    return differenceOf('toy', part, servicePort, observed.parts.get(part), desired.parts.get(part));
  });
  return {
    frontends,
    parts,
    dangers: trafficDangers(frontends, () => countReached(before, node)),
    cost: {
      transactions: steps.length,
      lines: lineCount({ family, parts: new Map(steps.map(({ part, lines }) => [part, lines])) }),
      parts: parts.length,
      words: { transaction: 'transaction', part: 'part' },
    },
    notes: [],
  };
}
