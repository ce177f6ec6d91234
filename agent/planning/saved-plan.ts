import * as z from 'zod';
import type { LoadedPlan, Plan } from '../../backends/backend.ts';
import { backendNames, defaultBackend, loadMode, type Mode } from '../../backends/index.ts';
import { type ChainPrefix, kubePrefix, parseChainPrefix } from '../../compiler/settings.ts';
import { fileProblem, InputError } from '../input/input-error.ts';
import type { PlanRisks } from './plans.ts';
import { differences, digestOf, type PlanDigest } from './plan-digest.ts';

/*
 * A plan in a file: reviewed now, applied later by `apply --plan`, exactly or not at all. This file defines the envelope;
 * each backend defines the content for one family.
 */

const apiVersion = 'slicewright.dev/v1alpha1';
const kind = 'Plan';

/** The backend and the prefix are left out if they are the defaults. */
export function savedPlanJson(
  backend: string,
  prefix: ChainPrefix,
  plans: readonly Plan[],
  risks: PlanRisks,
): { readonly digest: PlanDigest } {
  const choices = {
    ...(backend === defaultBackend() ? {} : { backend }),
    ...(prefix === kubePrefix ? {} : { chainPrefix: prefix }),
    dangers: risks.dangers,
    removal: risks.removal,
  };
  const families = plans.map((plan) => plan.saved());
  return { apiVersion, kind, ...choices, digest: digestOf({ ...choices, families }), families } as {
    readonly digest: PlanDigest;
  };
}

/** The prefix of chain names in the plan. */
const chainPrefix = z.string().transform((text, context): ChainPrefix => {
  const parsed = parseChainPrefix(text);
  if (parsed !== undefined) return parsed;
  context.addIssue('is not a prefix of chain names');
  return z.NEVER;
});

const backendName = z
  .string()
  .refine((name) => backendNames().includes(name), 'is not a backend of this version of slicewright');

/** Risks can be trusted later: if the kernel is not as it was when the plan was made, the plan is rejected. */
const risks = {
  dangers: z
    .array(z.strictObject({ code: z.string(), message: z.string(), servicePort: z.string().optional() }))
    .optional(),
  removal: z.strictObject({ served: z.int().min(0), removed: z.array(z.string()) }).optional(),
};
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'is not a hexadecimal SHA-256 digest');
const digests = z.record(z.string(), sha256);

const envelope = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal(kind),
  backend: backendName.optional(),
  chainPrefix: chainPrefix.optional(),
  ...risks,
  digest: z.strictObject({
    plan: sha256,
    fields: digests,
    families: z.array(z.strictObject({ steps: z.array(sha256), fields: digests })),
  }),
  families: z.array(z.unknown()).min(1),
});

export interface SavedPlan {
  /** The digest of the whole plan. */
  readonly digest: string;
  readonly mode: Mode;
  readonly prefix: ChainPrefix;
  readonly risks: PlanRisks;
  readonly plans: readonly Extract<LoadedPlan, { kind: 'plan' }>[];
}

/**
 * The plan of a parsed file.
 *
 * pinned   the digest that it must have, if one was given
 * throws   InputError that names, with its place, what does not belong in a plan, or says that the plan was changed
 */
export async function loadSavedPlan(parsed: unknown, file: string, pinned?: string): Promise<SavedPlan> {
  const result = envelope.safeParse(parsed);
  if (!result.success) {
    throw new InputError(
      result.error.issues.map(({ path, message }) => fileProblem(file, 'bad-plan', message, path.join('.'))),
    );
  }
  const { digest, apiVersion: _version, kind: _kind, ...content } = result.data;
  checkDigest(digestOf(content), digest, file, pinned);
  const { backend = defaultBackend(), chainPrefix: prefix = kubePrefix, families, dangers, removal } = content;
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
    const message = 'does not list its dangers, because an earlier version made it; make a new plan';
    throw new InputError([fileProblem(file, 'bad-plan', message)]);
  }
  return {
    digest: digest.plan,
    mode,
    prefix,
    risks: { dangers, removal },
    plans: loaded.filter((one) => one.kind === 'plan'),
  };
}

function checkDigest(found: PlanDigest, stated: PlanDigest, file: string, pinned: string | undefined): void {
  const changed = differences(found, stated);
  if (changed.length > 0) {
    const refused = 'changed after the plan was saved; nothing was changed. Make a new plan';
    throw new InputError(changed.map((what) => fileProblem(file, 'plan-changed', `${what}: ${refused}`)));
  }
  if (pinned === undefined || pinned === found.plan) return;
  const message = `its digest is ${found.plan}, and --plan-digest says ${pinned}: another plan; nothing was changed`;
  throw new InputError([fileProblem(file, 'other-plan', message)]);
}
