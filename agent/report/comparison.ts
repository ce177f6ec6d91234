import { isUsed, type Target } from '../../backends/target.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { counted } from '../../compiler/values/counted.ts';
import type { Wanted } from '../planning/compile-targets.ts';
import { hasChanges, type PlannedFamily, scopeOf } from '../planning/plan-kernel.ts';
import type { Danger } from '../../backends/planning/dangers.ts';
import type { ClusterOf } from '../planning/fact-texts.ts';
import { risksOf } from '../planning/plans.ts';
import { defaultThreshold, removalDangers } from '../planning/removal.ts';
import { type FamilyReport, makeReport } from '../planning/report.ts';
import { changeKinds, type PlanSummary, summaryOf, summaryText } from '../planning/summary.ts';

/** The changes in one family, as `plan` reports them. */
export interface ComparedFamily extends Pick<FamilyReport, 'family' | 'parts' | 'dangers' | 'notes'> {
  /** What it is compared with: a file's name. */
  readonly source: string;
  readonly services: readonly Pick<FamilyReport['services'][number], 'service' | 'sign' | 'text' | 'details'>[];
  /** `2 transactions, 9 lines, 3 chains`; empty: there is nothing to do. */
  readonly cost: string;
}

/** The changes in all families. */
export interface Comparison {
  readonly families: readonly ComparedFamily[];
  /** How they affect each reported Service. */
  readonly kinds: ReadonlyMap<string, keyof PlanSummary>;
  /** `Plan: 1 Service to add, 2 to change, 0 to remove.` */
  readonly summary: string;
  /** Dangers of all families together. */
  readonly dangers: readonly Danger[];
}

/**
 * Turns plans into a comparison.
 *
 * source   what the plans start from, if they do not know it
 */
export function compared(planned: readonly PlannedFamily[], clusterOf: ClusterOf, source?: string): Comparison {
  const reports = planned.map((one) => makeReport(one, clusterOf));
  const served = planned.map(({ plan }) => plan.served());
  return {
    families: reports.map((report) => comparedFamily({ ...report, source: source ?? report.source })),
    kinds: changeKinds(served, reports),
    summary: summaryText(summaryOf(served, reports), planned.some(hasChanges)),
    dangers: removalDangers(risksOf(planned, reports).removal, defaultThreshold),
  };
}

function comparedFamily(report: FamilyReport): ComparedFamily {
  const { transactions, lines, parts, words } = report.cost;
  if (transactions === 0) return { ...report, cost: '' };
  const texts = [counted(transactions, words.transaction), counted(lines, 'line'), counted(parts, words.part)];
  return { ...report, cost: texts.join(', ') };
}

/** Plans from one set of objects to another. No kernel is read. */
export function plansFrom(
  before: Readonly<Record<Family, Target>>,
  { mode: { live }, settings, targets }: Pick<Wanted, 'mode' | 'settings' | 'targets'>,
): PlannedFamily[] {
  // Treated as a kernel that is slicewright's own: otherwise the mark in the chains would count as a change.
  const how = { before: undefined, isToBeApplied: true } as const;
  return families
    .filter((family) => isUsed(before[family]) || isUsed(targets[family]))
    .map((family) => {
      const nothing = live.nothing(scopeOf(family, settings, false), 'nothing');
      return { plan: nothing.plan(before[family], how).after().plan(targets[family], how), remains: [] };
    });
}
