import type { Observed, Plan } from '../../backends/backend.ts';
import { BackendError } from '../../backends/errors.ts';
import { emptySync, type FamilyPlane } from '../../backends/plane/plane.ts';
import type { Target } from '../../backends/target.ts';
import type { Family } from '../../compiler/values/address.ts';

export interface DryPlaneOptions {
  readonly family: Family;
  /** What the first plan starts from; if that cannot be read, the plan starts from an empty kernel. */
  readonly start: () => Promise<Observed>;
  /** An empty kernel, under this name. */
  readonly nothing: (source: string) => Observed;
  readonly onPlan: (plan: Plan, target: Target) => void;
}

/**
 * A kernel for plans that are never written: the first plan starts from a dump, from the
 * kernel if it may be read, or from nothing; each later plan starts from the result of the previous one.
 */
export function createDryPlane({ family, start, nothing, onPlan }: DryPlaneOptions): FamilyPlane {
  let believed: Observed | undefined;

  async function firstLook(): Promise<Observed> {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      return nothing(`nothing, since the kernel cannot be read: ${error.reason}`);
    }
  }

  return {
    family,
    async sync(target, depth) {
      const from = believed ?? (await firstLook());
      const plan = from.plan(target, { before: undefined, isToBeApplied: true });
      believed = plan.after();
      if (plan.transactions > 0) onPlan(plan, target);
      return { ...emptySync(depth), documents: plan.transactions, diagnostics: plan.diagnostics };
    },
    glance: () => Promise.resolve(undefined),
  };
}
