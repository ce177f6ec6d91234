import { printable } from '../../compiler/values/object-ref.ts';
import type { ReportPaint } from '../planning/report.ts';
import { changeText } from './change-text.ts';
import type { Outcome } from './run-case.ts';
import { type CaseResult, type CheckResult, isFailed, isPassed } from './result.ts';

/** One line for a case; if checks fail, each of them with its problem. */
export function caseText(result: CaseResult, paint: ReportPaint): string {
  const { found, results } = result;
  const accepted = results.filter(({ isAccepted }) => isAccepted).map(({ check }) => check.name);
  const passed = isPassed(result);
  const word = passed ? paint.added('pass') : paint.removed('FAIL');
  const head = `${word}  ${paint.heading(printable(found.name, 400))}  ${countText(results.length, 'check')}`;
  const note = accepted.length === 0 ? '' : `, accepted: ${accepted.map((name) => printable(name, 400)).join(', ')}`;
  return [`${head}${note}`, ...results.filter(isFailed).map((one) => failureText(one, paint)), ''].join('\n');
}

function failureText({ check, outcome }: CheckResult, paint: ReportPaint): string {
  const head = `  ${paint.heading(printable(check.name, 400))}: ${outcomeWord(outcome)}`;
  return [
    head,
    ...changeText(outcome, paint)
      .split('\n')
      .map((line) => `    ${line}`),
  ].join('\n');
}

/** The result of a check, in two or three words. */
export function outcomeWord({ kind }: Outcome): string {
  switch (kind) {
    case 'passed':
      return 'holds';
    case 'changed':
      return 'changed';
    case 'missing':
      return 'is missing';
    case 'obsolete':
      return 'is obsolete';
    case 'stray':
      return 'is not expected';
    case 'unmet':
      return 'failed';
    case 'broken':
      return 'cannot be used';
  }
}

/** The last line, and the command for the next step, if there is one. */
export function summaryText(results: readonly CaseResult[], isPending: boolean, paint: ReportPaint): string {
  const failures = results.flatMap((one) => one.results.filter(isFailed));
  const kinds = [...Map.groupBy(failures, ({ outcome }) => outcome.kind)].map(([kind, all]) => `${all.length} ${kind}`);
  const failed = results.filter((one) => !isPassed(one)).length;
  const checks = results.reduce((sum, one) => sum + one.results.length, 0);
  const cases = `${countText(results.length, 'case')}: ${results.length - failed} passed, ${failed} failed`;
  const line = `${cases}; ${countText(checks, 'check')}${kinds.length === 0 ? '' : `, ${kinds.join(', ')}`}`;
  const isAcceptable = failures.some(({ outcome }) => ['changed', 'missing', 'obsolete'].includes(outcome.kind));
  const hint =
    isPending && isAcceptable ? '--review shows each change and asks to accept it; --update accepts all\n' : '';
  return `${failed === 0 ? paint.added(line) : paint.removed(line)}\n${hint}`;
}

function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
