import { clustersOf } from '../agent/planning/clusters.ts';
import { makeReport, type ReportPaint, reportText } from '../agent/planning/report.ts';
import { scopeOf } from '../agent/planning/plan-kernel.ts';
import { targetsOf } from '../agent/planning/targets.ts';
import type { Observed, Plan } from '../backends/backend.ts';
import { byName } from '../backends/index.ts';
import { isUsed } from '../backends/target.ts';
import type { Compilation } from '../compiler/compile.ts';
import { compile } from '../compiler/index.ts';
import { families } from '../compiler/values/address.ts';
import type { GoldenCase, GoldenState } from './case.ts';

/** A state with what the compiler makes of it. */
interface Compiled extends Pick<GoldenState, 'input'> {
  readonly compilation: Compilation;
}

/** One family's plan for one change, and the state that it leads to. */
interface Change {
  readonly plan: Plan;
  readonly to: Compiled;
}

type Sequence = Pick<GoldenCase, 'input' | 'changes'>;

const asItIs = (text: string): string => text;
const plain: ReportPaint = { heading: asItIs, added: asItIs, removed: asItIs, danger: asItIs };

/**
 * The plan of every change of a case, as `slicewright plan` prints it, from a node on which the state before was applied.
 *
 * returns   one text a change; a family that no state of the case uses is left out
 */
export async function planTexts(backend: string, sequence: Sequence): Promise<string[]> {
  return (await changesOf(backend, sequence)).map((plans) => plans.map(planText).join('\n'));
}

/** How many commands are left to do once the plan of each change went through, by family. */
export async function leftAfterChanges(backend: string, sequence: Sequence): Promise<number[][]> {
  return (await changesOf(backend, sequence)).map((plans) =>
    plans.map(({ plan, to }) => planFrom(plan.after(), to).transactions),
  );
}

function planText({ plan, to: { input, compilation } }: Change): string {
  const clusterOf = clustersOf(compilation, input.settings.clusterCidrs);
  return reportText(makeReport({ plan, remains: [] }, clusterOf), plain, { withRules: true });
}

/** Change by change, a plan per family. The first state is applied to nothing, and each plan starts where the last one led. */
async function changesOf(backend: string, { input, changes }: Sequence): Promise<Change[][]> {
  const live = await (await byName(backend)).live();
  const [first, ...rest] = [{ input }, ...changes].map((state) => ({ ...state, compilation: compile(state.input) }));
  if (first === undefined) return [];
  const used = families.filter((family) =>
    [first, ...rest].some((state) => isUsed(targetsOf(state.compilation)[family])),
  );
  let there = used.map((family) =>
    planFrom(live.nothing(scopeOf(family, input.settings, false), 'nothing'), first).after(),
  );
  return rest.map((to) => {
    const plans = there.map((observed) => planFrom(observed, to));
    there = plans.map((plan) => plan.after());
    return plans.map((plan) => ({ plan, to }));
  });
}

function planFrom(observed: Observed, { compilation }: Compiled): Plan {
  return observed.plan(targetsOf(compilation)[observed.family], { before: undefined, isToBeApplied: true });
}
