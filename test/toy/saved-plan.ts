import { z } from 'zod';
import type { LoadedPlan } from '../../backends/backend.ts';
import { kernelProblem } from '../../backends/errors.ts';
import { schemaProblems } from '../../backends/planning/problems.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { applyProgram } from './apply.ts';
import { readProgram, type Step, type ToyKernel, withStep } from './kernel.ts';
import { parseLine } from './line.ts';
import { fingerprintOf, type Program } from './program.ts';

const fingerprint = z.string().regex(/^[0-9a-f]{64}$/);
const line = z.string().refine((text) => parseLine(text) !== undefined, 'is no line of the toy');

const familyPlan = z.strictObject({
  family: z.enum(families as readonly [Family, ...Family[]]),
  fingerprint,
  result: fingerprint,
  steps: z.array(
    z.strictObject({
      phase: z.enum(['switch', 'remove']),
      part: z.string().regex(/^(node|[-a-z0-9.]+\/[-a-z0-9.@:]+\/(TCP|UDP|SCTP)\/IPv[46])$/),
      lines: z.array(line),
    }),
  ),
});

/** A plan of one family: its start, its steps, and its result. */
export function loadPlan(parsed: unknown, kernel: ToyKernel): LoadedPlan {
  const result = familyPlan.safeParse(parsed);
  if (!result.success) return { kind: 'refused', problems: schemaProblems(result.error) };
  const plan = result.data;
  const { family, steps } = plan;
  return {
    kind: 'plan',
    family,
    start(_run, scope) {
      const observed = readProgram(kernel, scope);
      const desired = after(observed, steps);
      const code = codeOf(plan, observed, desired);
      return Promise.resolve({
        refusal: code && kernelProblem(family, code, `${why[code]}\nNothing was changed. Make a new plan.`),
        perform: () => Promise.resolve(applyProgram(kernel, scope, desired)),
      });
    },
  };
}

const why = {
  'apply-changed-since': 'the lines have changed since this plan was made',
  'apply-tampered': 'the steps of this plan do not lead where it says: the plan was changed after it was saved',
} as const;

function codeOf(plan: z.infer<typeof familyPlan>, observed: Program, desired: Program): keyof typeof why | undefined {
  if (fingerprintOf(observed) !== plan.fingerprint) return 'apply-changed-since';
  return fingerprintOf(desired) === plan.result ? undefined : 'apply-tampered';
}

function after({ family, parts }: Program, steps: readonly Step[]): Program {
  return { family, parts: steps.reduce(withStep, parts) };
}
