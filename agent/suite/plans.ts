import { clustersOf } from '../planning/clusters.ts';
import { makeReport, type ReportPaint, reportText } from '../planning/report.ts';
import { scopeOf } from '../planning/plan-kernel.ts';
import { targetsOf } from '../planning/targets.ts';
import type { Observed, Plan } from '../../backends/backend.ts';
import { byName } from '../../backends/index.ts';
import { isUsed } from '../../backends/target.ts';
import { families } from '../../compiler/values/address.ts';
import type { CompiledState } from './states.ts';

/** One family's plan for one change, and the state after it. */
interface Change {
  readonly plan: Plan;
  readonly to: CompiledState;
}

const asItIs = (text: string): string => text;
const plain: ReportPaint = { heading: asItIs, added: asItIs, removed: asItIs, danger: asItIs };

/**
 * The plan of every change of a case, as `slicewright plan` prints it, for a node on which the previous state was applied.
 *
 * returns   one text per change; a family that no state of the case uses is left out
 */
export async function planTexts(backend: string, states: readonly CompiledState[]): Promise<string[]> {
  return (await changesOf(backend, states)).map((plans) => plans.map(planText).join('\n'));
}

/** How many commands are still left after the plan of each change was applied, by family. */
export async function leftAfterChanges(backend: string, states: readonly CompiledState[]): Promise<number[][]> {
  return (await changesOf(backend, states)).map((plans) =>
    plans.map(({ plan, to }) => planFrom(plan.after(), to).transactions),
  );
}

function planText({ plan, to: { input, compilation } }: Change): string {
  const clusterOf = clustersOf(compilation, input.settings.clusterCidrs);
  return reportText(makeReport({ plan, remains: [] }, clusterOf), plain, { withRules: true });
}

/** One plan per change and family. The first state is applied to an empty kernel, and each plan starts from the previous result. */
async function changesOf(backend: string, [first, ...rest]: readonly CompiledState[]): Promise<Change[][]> {
  const live = await (await byName(backend)).live();
  if (first === undefined) return [];
  const used = families.filter((family) =>
    [first, ...rest].some((state) => isUsed(targetsOf(state.compilation)[family])),
  );
  let there = used.map((family) =>
    planFrom(live.nothing(scopeOf(family, first.input.settings, false), 'nothing'), first).after(),
  );
  return rest.map((to) => {
    const plans = there.map((observed) => planFrom(observed, to));
    there = plans.map((plan) => plan.after());
    return plans.map((plan) => ({ plan, to }));
  });
}

function planFrom(observed: Observed, { compilation }: CompiledState): Plan {
  return observed.plan(targetsOf(compilation)[observed.family], { before: undefined, isToBeApplied: true });
}
