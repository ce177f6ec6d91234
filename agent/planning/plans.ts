import { type DocumentFormat, documentText } from '../terminal/document.ts';
import type { Danger } from '../../backends/planning/dangers.ts';
import type { PlannedFamily } from './plan-kernel.ts';
import { type Removal, removalOf } from './removal.ts';
import { reportJson } from './report-json.ts';
import { type FamilyReport, type ReportPaint, reportText } from './report.ts';
import type { ClusterOf } from './fact-texts.ts';
import { type PlanSummary, summaryText } from './summary.ts';

/** The dangers in the plans of all families. */
export interface PlanRisks {
  /** The dangers of each family. */
  readonly dangers: readonly Danger[];
  /** The danger of all families together. */
  readonly removal: Removal;
}

export function risksOf(planned: readonly PlannedFamily[], reports: readonly FamilyReport[]): PlanRisks {
  return {
    dangers: reports.flatMap(({ dangers }) => dangers),
    removal: removalOf(planned.map(({ plan }) => plan.served())),
  };
}

/** The plans of all families, as `plan` shows them. */
export interface ShownPlans {
  readonly planned: readonly PlannedFamily[];
  /** One for each plan, in their order. */
  readonly reports: readonly FamilyReport[];
  /** Dangers of all families together. */
  readonly dangers: readonly Danger[];
  readonly summary: PlanSummary;
  readonly hasChanges: boolean;
  readonly clusterOf: ClusterOf;
  /** The file that the plan was saved to, if it was. */
  readonly saved?: SavedTo | undefined;
}

/** A plan in a file, with the digest that `apply --plan-digest` takes. */
export interface SavedTo {
  readonly path: string;
  readonly digest: string;
}

/** verbose   show full sentences, the effect on each kind of client, and every danger */
export function plansText(
  { reports, dangers, summary, hasChanges, saved }: ShownPlans,
  paint: ReportPaint,
  verbose = false,
): string {
  const all = dangers.map(({ message }) => paint.danger(`! ${message}\n`));
  return [
    ...reports.map((report) => reportText(report, paint, { withRules: true, verbose })),
    ...all,
    `${paint.heading(summaryText(summary, hasChanges))}\n`,
    ...savedLines(saved),
  ].join('\n');
}

function savedLines(saved: SavedTo | undefined): string[] {
  return saved === undefined ? [] : [`${saved.path}: the plan, with digest ${saved.digest}\n`];
}

export function plansDocument(
  { planned, reports, dangers, summary, hasChanges, clusterOf, saved }: ShownPlans,
  format: DocumentFormat,
): Promise<string> {
  const families = reports.map((report, i) => {
    // The steps belong to the whole plan, so a plan for chosen Services cannot be applied from it.
    const steps = report.isFiltered ? undefined : (planned[i]?.plan.steps() ?? []);
    return reportJson(report, steps, clusterOf);
  });
  return documentText('Plan', { changes: hasChanges, summary, saved, dangers, families }, format);
}
