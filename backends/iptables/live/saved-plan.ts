import * as z from 'zod';
import type { Family } from '../../../compiler/values/address.ts';
import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
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
import { fingerprintOf } from '../../netfilter/diff/fingerprint.ts';
import { outcomeOf } from '../../netfilter/diff/outcome.ts';
import {
  address,
  document,
  family,
  fingerprint,
  phase,
  port,
  strangeLinesIn,
  strangeOutcome,
  strangeProblems,
} from '../../netfilter/diff/saved-steps.ts';
import type { Ruleset } from '../../netfilter/rule.ts';
import { canonicalRuleset } from '../../netfilter/text/canonical.ts';
import type { Vocabulary } from '../../netfilter/vocabulary.ts';
import { schemaProblems, tamperedPlan } from '../../planning/problems.ts';
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

/** vocabulary   of a family's programs */
export function loadPlan(parsed: unknown, own: OwnChains, vocabulary: (family: Family) => Vocabulary): LoadedPlan {
  const result = familyPlan.safeParse(parsed);
  if (!result.success) return { kind: 'refused', problems: schemaProblems(result.error) };
  const { isOurs } = withMark(own);
  const strange = strangeLines(result.data, (chain) => isOurs('nat', chain)).map((line) => printable(line, 200));
  if (strange.length > 0) return { kind: 'refused', problems: strangeProblems(strange) };
  const plan = { ...result.data, steps: result.data.steps.map(toStep) };
  return { kind: 'plan', family: plan.family, start: (run, scope) => startOf(plan, run, scope, own, vocabulary) };
}

async function startOf(
  plan: SavedPlan,
  run: Run,
  { takeOver }: Scope,
  own: OwnChains,
  vocabulary: (family: Family) => Vocabulary,
): Promise<PlanStart> {
  const observed = await observe(run, plan.family, own);
  const refusal = refusalOf(observed, plan, own, { takeOver });
  return {
    refusal:
      refusal === undefined
        ? (misleading(plan, observed.ruleset, vocabulary(plan.family)) ?? (await missingTool(run, observed.tools)))
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

/** A plan whose steps lead to another state than it names, or to rules that slicewright never makes; undefined: they do not. */
function misleading(plan: SavedPlan, observed: Ruleset, vocabulary: Vocabulary): Diagnostic | undefined {
  const documents = plan.steps.flatMap((step) => (step.kind === 'restore' ? [step.document] : []));
  let outcome: Ruleset | undefined = observed;
  for (const one of documents) outcome = outcome && outcomeOf(outcome, one);
  if (outcome === undefined || !hasFingerprint(outcome, plan.result)) return tamperedPlan(plan.family, []);
  const strange = strangeOutcome(observed, documents, outcome, vocabulary);
  return strange.length === 0 ? undefined : tamperedPlan(plan.family, strange);
}

/** As it is, or as slicewright prints it, where another version of the tools wrote what stays. */
function hasFingerprint(ruleset: Ruleset, fingerprintOfPlan: string): boolean {
  return fingerprintOf(ruleset) === fingerprintOfPlan || fingerprintOf(canonicalRuleset(ruleset)) === fingerprintOfPlan;
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
