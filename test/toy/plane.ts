import type { PlaneOptions } from '../../backends/backend.ts';
import { createDelays } from '../../backends/plane/delays.ts';
import { type DriftedPart, emptySync, type FamilyPlane } from '../../backends/plane/plane.ts';
import { isUsed } from '../../backends/target.ts';
import { performSteps, servicePortIn } from './apply.ts';
import { readProgram, ToyError, type ToyKernel } from './kernel.ts';
import { planSteps, type ToyProgramOf, wantedProgram } from './plan.ts';
import { lineCount, type Parts, type Program } from './program.ts';

/** Remembers the state that it left: a delta starts from there, and any difference that a full sync finds is drift. */
export function createToyPlane(kernel: ToyKernel, programOf: ToyProgramOf, options: PlaneOptions): FamilyPlane {
  const { scope } = options;
  const delays = createDelays<string>(options.nowMs, options.delayTimes);
  let believed: Program | undefined;
  return {
    family: scope.family,
    sync(wanted, depth) {
      // A machine without this kernel is no failure in a family that is not used.
      if (!isUsed(wanted) && kernel.isAbsent) return Promise.resolve(emptySync(depth));
      const isDelta = depth === 'delta' && believed !== undefined;
      const start = isDelta && believed !== undefined ? believed : readProgram(kernel, scope);
      const drift = believed === undefined ? [] : driftBetween(believed.parts, start.parts);
      believed = undefined;
      const desired = wantedProgram(programOf, wanted);
      const meanings = new Map([...desired.parts].map(([part, lines]) => [part, lines.join('\n')]));
      const held = delays.held(meanings);
      const steps = planSteps(start, desired).filter(({ part }) => !held.has(part));
      const { steps: taken, refused } = performSteps(kernel, scope, steps);
      const released = delays.settle(
        refused.map(({ part, message }) => ({ service: part, message })),
        meanings,
      );
      believed = readProgram(kernel, scope);
      return Promise.resolve({
        ...emptySync(isDelta ? 'delta' : 'full'),
        documents: taken.length,
        lines: taken.reduce((sum, { lines }) => sum + lines.length, 0),
        rules: new Map([['toy', lineCount(believed)]]),
        drift,
        quarantined: delays.list().map((one) => ({ ...one, service: servicePortIn(one.service) })),
        released: released.map(servicePortIn),
        diagnostics: programOf(wanted).diagnostics,
        againInMs: delays.nextInMs(),
      });
    },
    glance() {
      const missing = believed && driftBetween(believed.parts, partsNow()).find(({ lost }) => lost.length > 0);
      return Promise.resolve(missing && `${missing.where}: ${missing.lost.join('; ')}`);
    },
  };

  function partsNow(): Parts {
    try {
      return readProgram(kernel, scope).parts;
    } catch (error) {
      if (!(error instanceof ToyError)) throw error;
      return new Map();
    }
  }
}

function driftBetween(left: Parts, found: Parts): DriftedPart[] {
  return [...new Set([...left.keys(), ...found.keys()])].flatMap((part) => {
    const [was, is] = [left.get(part) ?? [], found.get(part) ?? []];
    const lost = was.filter((line) => !is.includes(line));
    const added = is.filter((line) => !was.includes(line));
    return lost.length + added.length === 0 ? [] : [{ where: `toy ${part}`, lost, added }];
  });
}
