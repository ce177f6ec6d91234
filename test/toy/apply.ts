import type { ApplyReport } from '../../backends/backend.ts';
import { refusedService } from '../../backends/planning/problems.ts';
import type { Scope } from '../../backends/target.ts';
import { counted } from '../../compiler/values/counted.ts';
import { performStep, readProgram, type Step, ToyError, type ToyKernel } from './kernel.ts';
import { planSteps } from './plan.ts';
import type { Program } from './program.ts';

export interface Performed {
  readonly steps: readonly Step[];
  readonly refused: readonly { readonly part: string; readonly message: string }[];
}

/** Performs steps; a part that the kernel rejects stays as it was, and the other steps follow. */
export function performSteps(kernel: ToyKernel, scope: Scope, steps: readonly Step[]): Performed {
  const refused: { part: string; message: string }[] = [];
  const taken = steps.filter((step) => {
    try {
      performStep(kernel, scope, step);
      return true;
    } catch (error) {
      if (!(error instanceof ToyError) || error.reason !== 'refused') throw error;
      refused.push({ part: step.part, message: error.message });
      return false;
    }
  });
  return { steps: taken, refused };
}

/**
 * Plans from the kernel's present state, and applies the plan.
 *
 * throws   ToyError where there is no such kernel
 */
export function applyProgram(kernel: ToyKernel, scope: Scope, desired: Program): ApplyReport {
  const { steps, refused } = performSteps(kernel, scope, planSteps(readProgram(kernel, scope), desired));
  const left = planSteps(readProgram(kernel, scope), desired);
  return {
    isDone: left.length === 0,
    done: steps.length === 0 ? undefined : `applied in ${counted(steps.length, 'transaction')}; read back`,
    problems: refused.map(({ part, message }) => refusedService(servicePortIn(part), message)),
  };
}

/** `shop/cart:http` of `shop/cart:http/TCP/IPv4`. */
export function servicePortIn(part: string): string {
  return part.split('/').slice(0, 2).join('/');
}
