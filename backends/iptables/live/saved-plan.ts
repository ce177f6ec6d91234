import { z } from 'zod';
import { printable } from '../../../compiler/values/object-ref.ts';
import type { LoadedPlan, PlanStart } from '../../backend.ts';
import type { Run } from '../../command.ts';
import { kernelProblem } from '../../errors.ts';
import { applyPlan, refusalOf } from './apply.ts';
import { missingTool } from '../../netfilter/live/missing-tool.ts';
import {
  type ForgetStep,
  type LivePlan,
  type NetfilterStep,
  type Observation,
  observe,
} from '../../netfilter/live/observation.ts';
import { exposedLoopback } from '../../netfilter/live/exposed-loopback.ts';
import type { OwnChains } from '../../netfilter/own-chains.ts';
import { withMark } from '../../netfilter/ownership.ts';
import {
  address,
  document,
  family,
  fingerprint,
  phase,
  port,
  strangeLinesIn,
  strangeProblems,
} from '../../netfilter/diff/saved-steps.ts';
import { schemaProblems } from '../../planning/problems.ts';
import type { Scope } from '../../target.ts';
import { reportOf } from './apply-report.ts';

/** A plan in a file: the finished documents, so what was read is what is done, and the state that they start from. */
type SavedPlan = Pick<LivePlan, 'family' | 'fingerprint' | 'result' | 'steps'>;

const restoreStep = z.strictObject({ phase, kind: z.literal('restore'), document });

const forgetStep = z.strictObject({
  phase,
  kind: z.literal('forget-connections'),
  family,
  flows: z.array(
    z.strictObject({
      destination: address.optional(),
      port,
      endpoint: z.strictObject({ address, port }).optional(),
    }),
  ),
});

const familyPlan = z.strictObject({
  family,
  fingerprint,
  result: fingerprint,
  steps: z.array(z.discriminatedUnion('kind', [restoreStep, forgetStep])),
});

export function loadPlan(parsed: unknown, own: OwnChains): LoadedPlan {
  const result = familyPlan.safeParse(parsed);
  if (!result.success) return { kind: 'refused', problems: schemaProblems(result.error) };
  const { isOurs } = withMark(own);
  const strange = strangeLines(result.data, (chain) => isOurs('nat', chain)).map((line) => printable(line, 200));
  if (strange.length > 0) return { kind: 'refused', problems: strangeProblems(strange) };
  const plan = { ...result.data, steps: result.data.steps.map(toStep) };
  return { kind: 'plan', family: plan.family, start: (run, scope) => startOf(plan, run, scope, own) };
}

async function startOf(plan: SavedPlan, run: Run, { takeOver }: Scope, own: OwnChains): Promise<PlanStart> {
  const observed = await observe(run, plan.family, own);
  const refusal = refusalOf(observed, plan, own, { takeOver });
  return {
    refusal:
      refusal === undefined
        ? await missingTool(run, observed.tools)
        : kernelProblem(plan.family, `apply-${refusal.reason}`, refusal.message),
    async perform() {
      let after: Observation | undefined;
      const report = await reportOf(plan.family, 'apply', async () => {
        const applied = await applyPlan(run, observed, plan, own, { takeOver });
        after = applied.observed;
        return applied;
      });
      const exposed = after && (await exposedLoopback(run, observed, after));
      return exposed === undefined ? report : { ...report, problems: [...report.problems, exposed] };
    },
  };
}

function toStep(step: z.infer<typeof familyPlan>['steps'][number]): NetfilterStep {
  if (step.kind === 'restore') return step;
  const flows: ForgetStep['flows'] = step.flows.map(({ destination, port: at, endpoint }) => ({
    destination,
    port: at,
    endpoint,
  }));
  return { ...step, flows };
}

function strangeLines(plan: z.infer<typeof familyPlan>, isOurs: (chain: string) => boolean): string[] {
  return plan.steps.flatMap((step) => {
    if (step.kind !== 'restore') return step.family === plan.family ? [] : [`connections of ${step.family}`];
    return strangeLinesIn(step.document, plan.family, isOurs);
  });
}
