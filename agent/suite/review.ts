import { printable } from '../../compiler/values/object-ref.ts';
import type { ReportPaint } from '../planning/report.ts';
import { changeText, type Shown } from './change-text.ts';
import { outcomeWord } from './report-text.ts';
import type { CaseResult, CheckResult } from './result.ts';
import { accept, isAcceptable, reject } from './write.ts';

/** How many lines of one change are shown: the reviewer is about to accept all of it. */
const shown: Shown = { changed: 2000, whole: 2000 };

/** The reviewer's screen and keys. */
export interface Reviewer {
  show(text: string): Promise<void>;
  /** undefined: the reviewer has left. */
  key(): Promise<string | undefined>;
}

/**
 * Shows new, changed and obsolete files one by one, and asks what to do with each. Each decision takes effect at
 * once, so a reviewer who stops in the middle keeps it.
 */
export async function review(
  results: readonly CaseResult[],
  reviewer: Reviewer,
  paint: ReportPaint,
): Promise<CaseResult[]> {
  const total = results.flatMap((one) => one.results.filter(({ outcome }) => isAcceptable(outcome))).length;
  let count = 0;
  let isOver = false;
  const reviewed: CaseResult[] = [];
  for (const result of results) {
    const checks: CheckResult[] = [];
    for (const one of result.results) {
      const { check, outcome } = one;
      if (isOver || !isAcceptable(outcome)) {
        checks.push(one);
        continue;
      }
      const head = `[${++count}/${total}] ${printable(result.found.name, 400)}/${printable(check.file, 400)} ${outcomeWord(outcome)}`;
      await reviewer.show(`${paint.heading(head)}\n${changeText(outcome, paint, shown)}\n`);
      const decision = await ask(reviewer);
      isOver = decision === 'quit';
      if (decision === 'accept') accept(result.found, check.file, outcome);
      if (decision === 'reject') reject(result.found, check.file);
      checks.push({ ...one, isAccepted: decision === 'accept' });
    }
    reviewed.push({ ...result, results: checks });
  }
  return reviewed;
}

const decisions = { a: 'accept', r: 'reject', s: 'skip', q: 'quit' } as const;
type Decision = (typeof decisions)[keyof typeof decisions];

/** Waits until one of the four keys is pressed. */
async function ask(reviewer: Reviewer): Promise<Decision> {
  await reviewer.show('a accept, r reject, s skip, q quit: ');
  for (;;) {
    const key = (await reviewer.key())?.toLowerCase() ?? 'q';
    if (!Object.hasOwn(decisions, key)) continue;
    const decision = decisions[key as keyof typeof decisions];
    await reviewer.show(`${decision}\n\n`);
    return decision;
  }
}
