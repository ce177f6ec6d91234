import { z } from 'zod';
import type { ForgetStep, LivePlan, NetfilterStep } from '../backends/netfilter/live.ts';
import { isKernelChain } from '../backends/netfilter/kernel-chains.ts';
import { parseRule } from '../backends/netfilter/parse-rule.ts';
import type { RestoreDocument } from '../backends/netfilter/transaction.ts';
import { type Table, tables } from '../backends/netfilter/rule.ts';
import { type ChainPrefix, kubePrefix, parseChainPrefix } from '../compiler/settings.ts';
import { type Family, families, type IpAddress, parseAddress } from '../compiler/values/address.ts';
import { printable } from '../compiler/values/object-ref.ts';
import { type Port, parsePort } from '../compiler/values/port.ts';
import { fileProblem, InputError } from './input-error.ts';
import { oursUnder } from './planning.ts';

/**
 * A plan in a file: reviewed now, performed later, by `apply --plan`, exactly or not at all.
 *
 * It holds the finished documents, so what was read is what is done, and the state that they start
 * from. A file is no more trusted than any other input: every line in it must be one that
 * slicewright could have written, about chains of its own or their hooks.
 */
export type SavedPlan = Pick<LivePlan, 'family' | 'fingerprint' | 'result' | 'steps'>;

export const apiVersion = 'slicewright.dev/v1alpha1';
export const kind = 'Plan';

export function savedPlanJson(plans: readonly SavedPlan[], prefix: ChainPrefix): object {
  return {
    apiVersion,
    kind,
    ...prefixJson(prefix),
    families: plans.map(({ family, fingerprint, result, steps }) => ({ family, fingerprint, result, steps })),
  };
}

/** Left out where it is kube-proxy's. */
export function prefixJson(prefix: ChainPrefix): { readonly chainPrefix?: ChainPrefix } {
  return prefix === kubePrefix ? {} : { chainPrefix: prefix };
}

/** Whether a parsed file says to be a plan for IPVS: `saved-ipvs-plan.ts` reads those. */
export function isIpvsPlan(parsed: unknown): boolean {
  return typeof parsed === 'object' && parsed !== null && 'backend' in parsed && parsed.backend === 'ipvs';
}

export const phase = z.enum(['prepare', 'switch', 'drain', 'remove']);
export const fingerprint = z.string().regex(/^[0-9a-f]{64}$/);

export const address = z.string().transform((text, context): IpAddress => {
  const parsed = parseAddress(text);
  if (parsed !== undefined) return parsed;
  context.addIssue('is not an address');
  return z.NEVER;
});

export const port = z.number().transform((number, context): Port => {
  const parsed = parsePort(number);
  if (parsed !== undefined) return parsed;
  context.addIssue('is not a port');
  return z.NEVER;
});

/** Of the names in the plan; absent: kube-proxy's. */
export const chainPrefix = z
  .string()
  .default(kubePrefix)
  .transform((text, context): ChainPrefix => {
    const parsed = parseChainPrefix(text);
    if (parsed !== undefined) return parsed;
    context.addIssue('is no prefix of chains');
    return z.NEVER;
  });

const tableText = z.strictObject({
  name: z.enum(tables as readonly [Table, ...Table[]]),
  declared: z.array(z.string()),
  lines: z.array(z.string()),
});

export const document = z.strictObject({
  family: z.enum(families as readonly [Family, ...Family[]]),
  tables: z.array(tableText),
});

const restoreStep = z.strictObject({
  phase,
  kind: z.literal('restore'),
  document,
});

const forgetStep = z.strictObject({
  phase,
  kind: z.literal('forget-connections'),
  family: z.enum(families as readonly [Family, ...Family[]]),
  flows: z.array(
    z.strictObject({
      destination: address.optional(),
      port,
      endpoint: z.strictObject({ address, port }).optional(),
    }),
  ),
});

const familyPlan = z.strictObject({
  family: z.enum(families as readonly [Family, ...Family[]]),
  fingerprint,
  result: fingerprint,
  steps: z.array(z.discriminatedUnion('kind', [restoreStep, forgetStep])),
});

const savedPlan = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal(kind),
  chainPrefix,
  families: z.array(familyPlan).min(1),
});

/**
 * The plans of a parsed file.
 *
 * throws   InputError that names what is not of a plan, with its place
 */
export function parseSavedPlan(
  parsed: unknown,
  file: string,
): { readonly plans: readonly SavedPlan[]; readonly prefix: ChainPrefix } {
  const result = savedPlan.safeParse(parsed);
  if (!result.success) {
    throw new InputError(
      result.error.issues.map(({ path, message }) => fileProblem(file, 'bad-plan', message, path.join('.'))),
    );
  }
  const prefix = result.data.chainPrefix;
  const ours = oursUnder(prefix);
  const strange = result.data.families.flatMap((plan) => strangeLines(plan, (chain) => ours.isOurs('nat', chain)));
  if (strange.length > 0) {
    throw new InputError(
      strange.map((line) =>
        fileProblem(file, 'bad-plan', `slicewright would not write ${JSON.stringify(printable(line, 200))}`),
      ),
    );
  }
  const plans = result.data.families.map(({ steps, ...plan }) => ({ ...plan, steps: steps.map(toStep) }));
  return { plans, prefix };
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

/** Lines that are not rules of our vocabulary in our chains, hooks to them, or deletions of them. */
function strangeLines({ family, steps }: z.infer<typeof familyPlan>, isOurs: (chain: string) => boolean): string[] {
  return steps.flatMap((step) => {
    if (step.kind !== 'restore') return step.family === family ? [] : [`connections of ${step.family}`];
    return strangeLinesIn(step.document, family, isOurs);
  });
}

/** The same for one document. */
export function strangeLinesIn(
  document: RestoreDocument,
  family: Family,
  isOurs: (chain: string) => boolean,
): string[] {
  if (document.family !== family) return [`a document of ${document.family}`];
  return document.tables.flatMap(({ declared, lines }) => [
    ...declared.filter((chain) => !isOurs(chain)),
    ...lines.filter((line) => !isPlanLine(family, line, isOurs)),
  ]);
}

function isPlanLine(family: Family, line: string, isOurs: (chain: string) => boolean): boolean {
  const [verb = '', chain = ''] = line.split(' ', 2);
  if (verb === '-X') return line === `-X ${chain}` && isOurs(chain);
  if (verb !== '-A' && verb !== '-I' && verb !== '-D') return false;
  const rest = line.slice(verb.length + 1 + chain.length);
  // `-I CHAIN 7 …` enters a rule at a place.
  const parsed = parseRule(family, `-A ${chain}${verb === '-I' ? rest.replace(/^ \d{1,7}(?= )/, '') : rest}`);
  if (parsed === undefined) return false;
  if (isOurs(chain)) return true;
  const { target } = parsed.rule;
  return verb !== '-A' && isKernelChain(chain) && target?.kind === 'jump' && isOurs(target.chain);
}
