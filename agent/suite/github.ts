import { changeText } from './change-text.ts';
import { outcomeWord } from './report-text.ts';
import { type CaseResult, isFailed } from './result.ts';

/** GitHub shows this many per step; more would push out the first ones. */
const mostAnnotations = 50;

/**
 * Failed checks, as commands that GitHub Actions shows beside the file in a pull request.
 *
 * pathOf   a case's folder → its path in the repository
 */
export function annotations(results: readonly CaseResult[], pathOf: (path: string) => string): string {
  const failures = results.flatMap(({ found, results: checks }) =>
    checks.filter(isFailed).map((one) => ({ found, ...one })),
  );
  return failures
    .slice(0, mostAnnotations)
    .map(({ found, check, outcome }) => {
      const file = check.file === '.' ? pathOf(found.path) : `${pathOf(found.path)}/${check.file}`;
      const where = {
        file,
        ...(check.line !== undefined && { line: String(check.line) }),
        title: `${found.name}: ${check.name}`,
      };
      const properties = Object.entries(where).map(([name, value]) => `${name}=${propertyText(value)}`);
      return `::error ${properties.join(',')}::${dataText(`${check.name} ${outcomeWord(outcome)}\n${changeText(outcome)}`)}\n`;
    })
    .join('');
}

function dataText(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function propertyText(text: string): string {
  return dataText(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

/**
 * Text in which GitHub Actions sees no command. It obeys a line of output that begins with `::`, spaces aside, or contains
 * `##[`; and a case may hold any text.
 */
export function withoutCommands(text: string): string {
  return text.replace(/^(\s*):(?=:)/gm, '$1\\u{3a}').replaceAll('##[', '#\\u{23}[');
}
