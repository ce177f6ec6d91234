import type { FoundCase } from './find.ts';
import type { Check, Outcome } from './run-case.ts';

export interface CheckResult {
  readonly check: Check;
  readonly outcome: Outcome;
  /** The result was accepted as the new expectation. */
  readonly isAccepted: boolean;
}

export interface CaseResult {
  readonly found: FoundCase;
  readonly results: readonly CheckResult[];
  readonly ms: number;
}

export function isFailed({ outcome, isAccepted }: CheckResult): boolean {
  return outcome.kind !== 'passed' && !isAccepted;
}

/** Whether all checks of a case pass. */
export function isPassed({ results }: CaseResult): boolean {
  return !results.some(isFailed);
}
