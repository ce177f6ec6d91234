import type { PlanChanges } from '../../backends/backend.ts';
import type { Family } from '../../compiler/values/address.ts';
import { counted } from '../../compiler/values/counted.ts';
import type { PlannedFamily } from './plan-kernel.ts';
import { type Paint, partsText } from './parts-text.ts';
import { type ClusterOf, describeChanges, type ServiceSentence } from './sentences.ts';

/** Everything that people and programs are told of one family's plan. */
export interface FamilyReport extends PlanChanges {
  readonly family: Family;
  readonly backend: string;
  /** What the plan starts from: `the kernel (nft)`, a file's name. */
  readonly source: string;
  readonly services: readonly ServiceSentence[];
}

export function makeReport({ plan, remains }: PlannedFamily, clusterOf: ClusterOf): FamilyReport {
  const { family, backend, source } = plan;
  const changes = plan.changes();
  return {
    ...{ family, backend, source },
    ...changes,
    services: describeChanges(changes.frontends, clusterOf),
    notes: [...changes.notes, ...remains.map((text) => `then ${text}`)],
  };
}

/** Rules shown of one family's differences. Beyond that they are counted. */
const maxDiffLines = 400;

export interface ReportPaint extends Paint {
  readonly danger: (text: string) => string;
}

/**
 * The report for a terminal: what changes for traffic, the rules, the cost, and last, where it is
 * not scrolled away, what is dangerous.
 *
 * withRules   false: without the differences part by part
 */
export function reportText(report: FamilyReport, paint: ReportPaint, withRules: boolean): string {
  const { family, source, services, dangers, parts, cost, notes } = report;
  const warnings = dangers.map(({ message }) => paint.danger(`  ! ${message}\n`)).join('');
  const rest = notes.map((note) => `  ${note}\n`).join('');
  if (cost.transactions === 0) return `${family}, against ${source}: nothing to do\n${rest}${warnings}`;
  const title = `${family}, against ${source}: ${counted(services.length, 'Service')} with changes for traffic`;
  const sentences = services.map(({ sign, service, text }) => `  ${sign} ${service}: ${text}\n`).join('');
  const rules = withRules ? `\n${partsText(parts, paint, maxDiffLines)}\n` : '';
  const { transaction, part } = cost.words;
  const price = `  cost: ${counted(cost.transactions, transaction)}, ${counted(cost.lines, 'line')}, ${counted(cost.parts, part)}\n`;
  return `${paint.heading(title)}\n${sentences}${rules}${price}${rest}${warnings}`;
}
