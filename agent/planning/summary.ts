import type { Served } from '../../backends/planning/served.ts';
import { counted } from '../../compiler/values/counted.ts';
import type { FamilyReport } from './report.ts';

/** How many Services a plan affects, over all families; a Service counts once. */
export interface PlanSummary {
  /** Begin to be served. */
  readonly add: number;
  /** Stay, and some client notices a change. */
  readonly change: number;
  /** Are no longer served. */
  readonly remove: number;
  /** Stay with other rules, and no client notices a change. */
  readonly rulesOnly: number;
}

/** Counts the reported Services: a filtered report counts what passed its filter. */
export function summaryOf(served: readonly Served[], reports: readonly FamilyReport[]): PlanSummary {
  const counts = { add: 0, change: 0, remove: 0, rulesOnly: 0 };
  for (const kind of changeKinds(served, reports).values()) counts[kind] += 1;
  return counts;
}

/** How a plan affects each reported Service. */
export function changeKinds(
  served: readonly Served[],
  reports: readonly FamilyReport[],
): ReadonlyMap<string, keyof PlanSummary> {
  const before = new Set(served.flatMap((one) => [...one.before.named]));
  const after = new Set(served.flatMap((one) => [...one.after.named]));
  const sentences = reports.flatMap(({ services }) => services);
  const byService = [...Map.groupBy(sentences, (one) => one.service)];
  return new Map(
    byService.map(([service, own]) => [
      service,
      kindOf(
        service,
        own.every(({ sign }) => sign === '='),
      ),
    ]),
  );

  function kindOf(service: string, isUnnoticed: boolean): keyof PlanSummary {
    if (isUnnoticed) return 'rulesOnly';
    if (before.has(service) === after.has(service)) return 'change';
    return after.has(service) ? 'add' : 'remove';
  }
}

/** `Plan: 1 Service to add, 2 to change, 0 to remove; 3 with other rules only.` The form is terraform's. */
export function summaryText({ add, change, remove, rulesOnly }: PlanSummary, hasChanges: boolean): string {
  if (!hasChanges) return 'No changes: the rules already match the objects.';
  const rest = rulesOnly === 0 ? '' : `; ${rulesOnly} with other rules only`;
  return `Plan: ${counted(add, 'Service')} to add, ${change} to change, ${remove} to remove${rest}.`;
}
