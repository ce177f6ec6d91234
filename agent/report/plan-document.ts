import { z } from 'zod';
import { families } from '../../compiler/values/address.ts';
import { counted } from '../../compiler/values/counted.ts';
import { fileProblem, InputError } from '../input/input-error.ts';
import { documentVersion } from '../terminal/document.ts';
import type { Sign } from '../planning/fact-texts.ts';
import { type PlanSummary, summaryText } from '../planning/summary.ts';
import type { Comparison } from './comparison.ts';

const count = z.int().min(0);

const part = z.object({
  table: z.string(),
  chain: z.string(),
  servicePort: z.string().optional(),
  change: z.enum(['created', 'changed', 'deleted', 'hooks']),
  removed: count,
  added: count,
  lines: z.array(z.string()),
});

const dangers = z.array(z.object({ code: z.string(), message: z.string(), servicePort: z.string().optional() }));

const plan = z.object({
  apiVersion: z.literal(documentVersion),
  kind: z.literal('Plan'),
  changes: z.boolean(),
  summary: z.object({ add: count, change: count, remove: count, rulesOnly: count }),
  dangers,
  families: z.array(
    z.object({
      family: z.enum(families),
      against: z.string(),
      cost: z.object({ transactions: count, lines: count }),
      services: z.array(z.object({ service: z.string(), sign: z.enum(['+', '-', '~', '=']), text: z.string() })),
      dangers,
      chains: z.array(part),
      notes: z.array(z.string()),
    }),
  ),
});

/**
 * Reads a plan that `plan -o json` printed.
 *
 * throws   InputError for another document
 */
export function comparedInPlan(document: unknown, file: string): Comparison {
  if (typeof document === 'object' && document !== null && 'digest' in document) {
    const message =
      'is a plan that plan --out saved for apply: it does not say what changes for traffic. Give what plan -o json printed';
    throw new InputError([fileProblem(file, 'bad-plan', message)]);
  }
  const result = plan.safeParse(document);
  if (!result.success) {
    throw new InputError(
      result.error.issues.map(({ path, message }) => fileProblem(file, 'bad-plan', message, path.join('.'))),
    );
  }
  const { changes, summary, dangers: ofAll, families: found } = result.data;
  return {
    families: found.map(({ against, cost: { transactions, lines }, chains, services, ...rest }) => ({
      ...rest,
      source: against,
      services: services.map((one) => ({ ...one, details: [] })),
      parts: chains.map(({ servicePort, ...one }) => ({ ...one, servicePort })),
      cost: transactions === 0 ? '' : `${counted(transactions, 'transaction')}, ${counted(lines, 'line')}`,
    })),
    kinds: new Map(
      [
        ...Map.groupBy(
          found.flatMap(({ services }) => services),
          ({ service }) => service,
        ),
      ].map(([service, own]) => [service, kindOf(own.map(({ sign }) => sign))]),
    ),
    summary: summaryText(summary, changes),
    dangers: ofAll,
  };
}

/** The document does not say which Services were served before, so a Service that gets a new port counts as a new Service. */
function kindOf(signs: readonly Sign[]): keyof PlanSummary {
  const noticed = new Set(signs.filter((sign) => sign !== '='));
  if (noticed.size === 0) return 'rulesOnly';
  if (noticed.size > 1 || noticed.has('~')) return 'change';
  return noticed.has('+') ? 'add' : 'remove';
}
