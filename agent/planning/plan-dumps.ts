import { readDumps } from '../input/dumps.ts';
import type { Wanted } from './compile-targets.ts';
import type { PlannedFamily } from './plan-kernel.ts';

/**
 * Plans from the tools' output about a node, or from the files of `compile --out`.
 *
 * isToBeApplied   the plans will be applied to a kernel in this state
 * throws          InputError for a file that is not a dump
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
