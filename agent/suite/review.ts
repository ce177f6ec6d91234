import { printable } from '../../compiler/values/object-ref.ts';
import type { ReportPaint } from '../planning/report.ts';
import { changeText, type Shown } from './change-text.ts';
import { outcomeWord } from './report-text.ts';
import type { CaseResult, CheckResult } from './result.ts';
import { accept, isAcceptable, reject } from './write.ts';

/** Lines of one change that are shown: somebody is about to accept all of it. */
const shown: Shown = { changed: 2000, whole: 2000 };

/** Who reviews: what they see, and the keys that they press. */
export interface Reviewer {
  show(text: string): Promise<void>;
  /** undefined: they went away. */
  key(): Promise<string | undefined>;
}

/**
 * Shows what is new, changed and obsolete one by one, and does with each what the reviewer says. What is decided is done at
 * once, so that whoever stops in the middle keeps it.
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

/** Until a key is one of the four. */
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
