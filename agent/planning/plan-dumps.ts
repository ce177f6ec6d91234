import { readDumps } from '../input/dumps.ts';
import type { Wanted } from './compile-targets.ts';
import type { PlannedFamily } from './plan-kernel.ts';

/**
 * Plans from what the tools showed of a node, or from the files of `compile --out`.
 *
 * isToBeApplied   the plans will be applied to a kernel that looks like this
 * throws          InputError for what is no dump
 */
export function planDumps(
  against: readonly string[],
  { mode, settings, targets }: Pick<Wanted, 'mode' | 'settings' | 'targets'>,
  isToBeApplied: boolean,
): PlannedFamily[] {
  return against
    .flatMap((path) => readDumps(path, mode.live, settings.chainPrefix))
    .map((observed) => ({
      plan: observed.plan(targets[observed.family], { before: undefined, isToBeApplied }),
      remains: [],
    }));
}
