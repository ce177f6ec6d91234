import { z } from 'zod';
import type { LoadedPlan, Plan } from '../../backends/backend.ts';
import { backendNames, defaultBackend, loadMode, type Mode } from '../../backends/index.ts';
import { type ChainPrefix, kubePrefix, parseChainPrefix } from '../../compiler/settings.ts';
import { fileProblem, InputError } from '../input/input-error.ts';
import type { PlanRisks } from './plans.ts';

/*
 * A plan in a file: reviewed now, performed later, by `apply --plan`, exactly or not at all. This is the envelope; what
 * is in it for one family is its backend's.
 */

const apiVersion = 'slicewright.dev/v1alpha1';
const kind = 'Plan';

/** The backend and the prefix are left out where they are what holds without any choice. */
export function savedPlanJson(
  backend: string,
  prefix: ChainPrefix,
  plans: readonly Plan[],
  { dangers, removal }: PlanRisks,
): object {
  return {
    apiVersion,
    kind,
    ...(backend === defaultBackend() ? {} : { backend }),
    ...(prefix === kubePrefix ? {} : { chainPrefix: prefix }),
    dangers,
    removal,
    families: plans.map((plan) => plan.saved()),
  };
}

/** Of the names in the plan. */
const chainPrefix = z
  .string()
  .default(kubePrefix)
  .transform((text, context): ChainPrefix => {
    const parsed = parseChainPrefix(text);
    if (parsed !== undefined) return parsed;
    context.addIssue('is no prefix of chains');
    return z.NEVER;
  });

const backendName = z.string().refine((name) => backendNames().includes(name), 'is no backend of this slicewright');

/** The kernel is as it was when the plan was made, or it is refused: so what was said of it then holds. */
const risks = {
  dangers: z
    .array(z.strictObject({ code: z.string(), message: z.string(), servicePort: z.string().optional() }))
    .optional(),
  removal: z.strictObject({ served: z.int().min(0), removed: z.array(z.string()) }).optional(),
};

const envelope = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal(kind),
  backend: backendName.optional(),
  chainPrefix,
  ...risks,
  families: z.array(z.unknown()).min(1),
});

export interface SavedPlan {
  readonly mode: Mode;
  readonly prefix: ChainPrefix;
  readonly risks: PlanRisks;
  readonly plans: readonly Extract<LoadedPlan, { kind: 'plan' }>[];
}

/**
 * The plan of a parsed file.
 *
 * throws   InputError that names what is not of a plan, with its place
 */
export async function loadSavedPlan(parsed: unknown, file: string): Promise<SavedPlan> {
  const result = envelope.safeParse(parsed);
  if (!result.success) {
    throw new InputError(
      result.error.issues.map(({ path, message }) => fileProblem(file, 'bad-plan', message, path.join('.'))),
    );
  }
  const { backend = defaultBackend(), chainPrefix: prefix, families, dangers, removal } = result.data;
  const mode = await loadMode(backend);
  const loaded = await Promise.all(families.map((one) => mode.live.loadPlan(one, prefix)));
  const problems = loaded.flatMap((one, i) =>
    one.kind === 'plan'
      ? []
      : one.problems.map(({ path, message }) =>
          path.length === 0
            ? fileProblem(file, 'bad-plan', message)
            : fileProblem(file, 'bad-plan', message, ['families', i, ...path].join('.')),
        ),
  );
  if (problems.length > 0) throw new InputError(problems);
  if (dangers === undefined || removal === undefined) {
    const message = 'does not say what is dangerous about it, as plans of earlier versions; make a new plan';
    throw new InputError([fileProblem(file, 'bad-plan', message)]);
  }
  return { mode, prefix, risks: { dangers, removal }, plans: loaded.filter((one) => one.kind === 'plan') };
}
