import type { Observed, Plan } from '../../backends/backend.ts';
import { BackendError } from '../../backends/errors.ts';
import { emptySync, type FamilyPlane } from '../../backends/plane/plane.ts';
import type { Target } from '../../backends/target.ts';
import type { Family } from '../../compiler/values/address.ts';

export interface DryPlaneOptions {
  readonly family: Family;
  /** What the first plan starts from; where that cannot be read, it starts from nothing. */
  readonly start: () => Promise<Observed>;
  /** A kernel with nothing in it, under this name. */
  readonly nothing: (source: string) => Observed;
  readonly onPlan: (plan: Plan, target: Target) => void;
}

/**
 * A kernel that is planned for and never written to: the first plan starts from a dump, or from the
 * kernel where it may be read, or from nothing; each next one from where the last one led.
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
