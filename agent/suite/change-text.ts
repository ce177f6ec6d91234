import { structuredPatch } from 'diff';
import { printable } from '../../compiler/values/object-ref.ts';
import type { ReportPaint } from '../planning/report.ts';
import type { Outcome } from './run-case.ts';

const asItIs = (text: string): string => text;
const plain: ReportPaint = { heading: asItIs, added: asItIs, removed: asItIs, danger: asItIs };

/** How many lines are shown: of a changed file's differences, and of a file that is new or obsolete. */
export interface Shown {
  readonly changed: number;
  readonly whole: number;
}

const few: Shown = { changed: 60, whole: 12 };

/** The most edits to search for; beyond that, two files have too little in common to be compared line by line. */
const mostEdits = 4000;

/** The problem, for people; empty if there is none. Files may hold anything, so control characters are shown as text. */
export function changeText(outcome: Outcome, paint: ReportPaint = plain, most = few): string {
  switch (outcome.kind) {
    case 'passed':
      return '';
    case 'changed':
      return limited(differenceLines(outcome.expected, outcome.found, paint), most.changed);
    case 'missing':
      return limited(
        [
          'the file does not exist yet; its content would be',
          ...linesOf(outcome.found).map((line) => paint.added(`+${line}`)),
        ],
        most.whole,
      );
    case 'obsolete':
      return limited(
        ['the expectation is now empty', ...linesOf(outcome.expected).map((line) => paint.removed(`-${line}`))],
        most.whole,
      );
    case 'unmet':
      return outcome.lines.map(safeLine).join('\n');
    case 'stray':
    case 'broken':
      return outcome.message.split('\n').map(safeLine).join('\n');
  }
}

function differenceLines(expected: string, found: string, paint: ReportPaint): string[] {
  const patch = structuredPatch('', '', expected, found, '', '', { context: 2, maxEditLength: mostEdits });
  if (patch === undefined) return ['nearly every line differs'];
  return patch.hunks.flatMap(({ oldStart, newStart, lines }) => [
    paint.heading(`@@ line ${oldStart}, now ${newStart} @@`),
    ...lines.map((line) => painted(safeLine(line), paint)),
  ]);
}

function painted(line: string, { added, removed }: ReportPaint): string {
  return line.startsWith('+') ? added(line) : line.startsWith('-') ? removed(line) : line;
}

function linesOf(text: string): string[] {
  return text.replace(/\n$/, '').split('\n').map(safeLine);
}

/** Tabs stay: some backends indent their programs with them. */
function safeLine(line: string): string {
  return line
    .slice(0, 4000)
    .split('\t')
    .map((part) => printable(part, 2000))
    .join('\t');
}

function limited(lines: readonly string[], most: number): string {
  const shown = lines.length <= most ? lines : [...lines.slice(0, most), `… and ${lines.length - most} more lines`];
  return shown.join('\n');
}
