import type { Kernel, Plan } from '../../backends/backend.ts';
import type { Run } from '../../backends/command.ts';
import type { Mode } from '../../backends/index.ts';
import type { Scope } from '../../backends/target.ts';
import { isUsed } from '../../backends/target.ts';
import type { Settings } from '../../compiler/settings.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import type { Wanted } from './compile-targets.ts';

type ScopeSettings = Pick<Settings, 'chainPrefix'> & { readonly ipvs: Pick<Scope, 'excludeCidrs'> };

/** Which part of a kernel is slicewright's, according to settings and the command line. */
export function scopeOf(family: Family, { chainPrefix: prefix, ipvs }: ScopeSettings, takeOver: boolean): Scope {
  return { family, prefix, takeOver, excludeCidrs: ipvs.excludeCidrs };
}

/** One family's plan, from the kernel or from a dump. */
export interface PlannedFamily {
  readonly plan: Plan;
  /** Other backends' rules in that family, which are removed afterwards. */
  readonly remains: readonly string[];
}

/** Whether applying it changes something. */
export function hasChanges({ plan, remains }: PlannedFamily): boolean {
  return plan.hasSteps || remains.length > 0;
}

export interface KernelPlan extends PlannedFamily {
  readonly kernel: Kernel;
}

/**
 * The kernel's present state: of every family that the node or a Service uses, and of an unused
 * family in which slicewright's rules are left.
 *
 * throws   BackendError if a family that is needed cannot be read
 */
export async function observeFamilies(
  run: Run,
  wanted: Pick<Wanted, 'targets'> & { readonly mode: Pick<Mode, 'live'>; readonly settings: ScopeSettings },
  takeOver: boolean,
): Promise<Kernel[]> {
  const { mode, settings, targets } = wanted;
  const kernels: Kernel[] = [];
  for (const family of families) {
    const isNeeded = isUsed(targets[family]);
    const kernel = await mode.live.observe(run, scopeOf(family, settings, takeOver), isNeeded);
    if (kernel !== undefined) kernels.push(kernel);
  }
  return kernels;
}

/**
 * The plans of all families from the state of their kernels. Other backends' rules in a family without a plan are
 * read as well: they are removed later, so it must show before any change if they cannot be read.
 *
 * throws   BackendError if something that is needed cannot be read
 */
export async function planFamilies(run: Run, wanted: Wanted, takeOver: boolean): Promise<KernelPlan[]> {
  const kernels = await observeFamilies(run, wanted, takeOver);
  const planned: KernelPlan[] = [];
  for (const kernel of kernels) planned.push(await planKernel(run, kernel, wanted, takeOver));
  for (const family of families) {
    if (kernels.some((kernel) => kernel.family === family)) continue;
    await wanted.mode.remains(run, scopeOf(family, wanted.settings, takeOver));
  }
  return planned;
}

/**
 * The plan from a kernel's state. Another backend's rules decide about traffic as long as they are in force, and
 * are removed once this backend's are.
 */
export async function planKernel(
  run: Run,
  kernel: Kernel,
  wanted: Pick<Wanted, 'mode' | 'settings' | 'targets'>,
  takeOver: boolean,
): Promise<KernelPlan> {
  const { mode, settings, targets } = wanted;
  const { family } = kernel;
  const target = targets[family];
  const remains = await mode.remains(run, scopeOf(family, settings, takeOver));
  const [before] = remains.flatMap((one) => one.side(target) ?? []);
  const plan = kernel.plan(target, { before, isToBeApplied: true });
  return { kernel, plan, remains: remains.map(({ text }) => text) };
}
