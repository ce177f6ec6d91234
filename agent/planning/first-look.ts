import { BackendError } from '../../backends/errors.ts';
import type { Run } from '../../backends/command.ts';
import type { Mode } from '../../backends/index.ts';
import type { Served } from '../../backends/planning/served.ts';
import { isUsed, type Target } from '../../backends/target.ts';
import type { Settings } from '../../compiler/settings.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import type { FirstLook } from '../loop/gate.ts';
import { planKernel, scopeOf } from './plan-kernel.ts';
import { isMassRemoval, removalOf, removalText } from './removal.ts';

export interface FirstLookOptions {
  readonly run: Run;
  readonly mode: Mode;
  readonly settings: Settings;
  readonly takeOver: boolean;
  /** The percentage of served Services that may be removed at once. */
  readonly threshold: number;
}

/** Checks before an agent's first program what `apply` would reject as a mass removal. */
export function createFirstLook(options: FirstLookOptions): FirstLook {
  return async (targets) => {
    const served: Served[] = [];
    const unread = new Map<Family, Error>();
    for (const family of families) {
      try {
        served.push(...(await servedIn(family, targets, options)));
      } catch (error) {
        if (!(error instanceof BackendError)) throw error;
        unread.set(family, error);
      }
    }
    const removal = removalOf(served);
    if (!isMassRemoval(removal, options.threshold)) return { held: undefined, unread };
    const what = `${removalText(removal, options.threshold)}; the rules in force stay`;
    const why = `${what}. The agent goes on when the folder holds them again; to remove them now: --allow-mass-removal`;
    return { held: { services: removal.removed.length, why }, unread };
  };
}

/** Empty if no Service is served there, or if the kernel's plan is refused; the sync then reports the refusal. */
async function servedIn(
  family: Family,
  targets: Readonly<Record<Family, Target>>,
  { run, mode, settings, takeOver }: FirstLookOptions,
): Promise<Served[]> {
  const target = targets[family];
  const kernel = await mode.live.observe(run, scopeOf(family, settings, takeOver), isUsed(target));
  if (kernel === undefined || (await kernel.refusal(target)) !== undefined) return [];
  const { plan } = await planKernel(run, kernel, { mode, settings, targets }, takeOver);
  return [plan.served()];
}
