import { changeText } from './change-text.ts';
import { outcomeWord } from './report-text.ts';
import { type CaseResult, type CheckResult, isFailed, isPassed } from './result.ts';

/** The content of the document `TestReport`, for programs. docs/commands.md describes its shape. */
export function reportData(results: readonly CaseResult[]): object {
  return {
    passed: results.every(isPassed),
    cases: results.map((result) => ({
      name: result.found.name,
      path: result.found.path,
      passed: isPassed(result),
      milliseconds: Math.round(result.ms),
      checks: result.results.map(checkData),
    })),
  };
}

function checkData({ check, outcome, isAccepted }: CheckResult): object {
  const { name, file, line, backend } = check;
  return {
    name,
    file,
    ...(line !== undefined && { line }),
    ...(backend !== undefined && { backend }),
    outcome: outcome.kind,
    ...(isAccepted && { accepted: true }),
    ...(outcome.kind !== 'passed' && { detail: changeText(outcome) }),
  };
}

/**
 * The report that CI systems show: a suite for each case, a test for each check.
 *
 * source   the format as Jenkins and GitLab read it; `test/suite/junit.xsd` defines the part that is used
 */
export function junitText(results: readonly CaseResult[]): string {
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>'];
  const all = results.flatMap((one) => one.results);
  lines.push(
    `<testsuites ${attributes({ name: 'slicewright test', ...counts(all), time: seconds(results.reduce((sum, { ms }) => sum + ms, 0)) })}>`,
  );
  for (const { found, results: checks, ms } of results) {
    lines.push(`  <testsuite ${attributes({ name: found.name, ...counts(checks), skipped: '0', time: seconds(ms) })}>`);
    for (const one of checks) lines.push(...testCase(found.name, one));
    lines.push('  </testsuite>');
  }
  return `${lines.join('\n')}\n</testsuites>\n`;
}

function testCase(suite: string, result: CheckResult): string[] {
  const { check, outcome } = result;
  const open = `    <testcase ${attributes({ classname: suite, name: check.name, time: '0' })}`;
  if (!isFailed(result)) return [`${open}/>`];
  const element = isError(result) ? 'error' : 'failure';
  const about = attributes({ message: `${check.name} ${outcomeWord(outcome)}`, type: outcome.kind });
  return [`${open}>`, `      <${element} ${about}>${xmlText(changeText(outcome))}</${element}>`, '    </testcase>'];
}

function isError({ outcome }: CheckResult): boolean {
  return outcome.kind === 'broken';
}

function counts(all: readonly CheckResult[]): Readonly<Record<string, string>> {
  const failed = all.filter(isFailed);
  const errors = failed.filter(isError).length;
  return { tests: String(all.length), failures: String(failed.length - errors), errors: String(errors) };
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

function attributes(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}="${xmlText(value)}"`)
    .join(' ');
}

/** Names and contents of files may hold anything. XML cannot express most control characters, so they are written as text. */
function xmlText(text: string): string {
  return text
    .replace(
      /[^\t\n\r\x20-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu,
      (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`,
    )
    .replace(/[&<>"'\t\r]/g, (char) => `&#${char.charCodeAt(0)};`);
}
