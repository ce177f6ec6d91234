import { realpathSync, writeFileSync } from 'node:fs';
import { relative, sep } from 'node:path';
import type { Clock } from '../loop/clock.ts';
import { fileProblem, InputError, UsageError } from '../input/input-error.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { findCases } from '../suite/find.ts';
import { annotations, withoutCommands } from '../suite/github.ts';
import { junitText, reportData } from '../suite/report-data.ts';
import { caseText, summaryText } from '../suite/report-text.ts';
import { review } from '../suite/review.ts';
import { type CaseResult, isPassed } from '../suite/result.ts';
import { acceptAll, runCase } from '../suite/run-suite.ts';
import { watching } from '../suite/watch.ts';
import { leavePending } from '../suite/write.ts';
import { documentText } from '../terminal/document.ts';
import type { Io } from '../terminal/io.ts';
import type { Keys } from '../terminal/keys.ts';
import { paintOf } from '../terminal/paint.ts';
import { reportingFailures } from './failures.ts';

export interface TestOptions {
  /** Only cases whose names match this regular expression. */
  readonly filter?: string;
  readonly backend?: readonly string[];
  readonly ci?: boolean;
  readonly review?: boolean;
  readonly update?: boolean;
  readonly watch?: boolean;
  readonly junit?: string;
  readonly github?: boolean;
  readonly output: 'text' | 'json' | 'yaml';
}

/** What a test run needs from its process. */
export interface TestWorld {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly signal: () => AbortSignal;
  /** Keys pressed at the terminal; undefined: there is no terminal. */
  readonly keys: (() => Keys) | undefined;
  /** Standard error is a terminal, on which a line can be overwritten. */
  readonly showsProgress: boolean;
  readonly folder: string;
}

/**
 * `slicewright test`: checks slicewright against golden cases.
 *
 * returns   the exit status: 0 everything holds, 1 something does not, or a file cannot be read, 2 usage
 */
export function testCommand(
  folders: readonly string[],
  options: TestOptions,
  io: Io,
  world: TestWorld,
): Promise<number> {
  return reportingFailures('human', io, async () => {
    const isCi = options.ci === true || isSet(world.environment['CI']);
    checkChoices(options, isCi, world);
    const filter = options.filter === undefined ? undefined : parsePattern(options.filter);
    const once = () => runOnce(folders, options, filter, isCi, io, world);
    if (options.watch !== true) return once();
    const signal = world.signal();
    return watching(folders, world.clock, signal, async () => {
      // A file that is wrong for a moment does not end the watch.
      const status = await reportingFailures('human', io, once);
      await io.err('watching for changes; Ctrl-C ends\n');
      return status;
    });
  });
}

/** Whether a CI system's variable is set: any value but an empty text, `false` and `0`. */
function isSet(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false'].includes(value.toLowerCase());
}

function checkChoices(
  { review: reviews, update, watch, output }: TestOptions,
  isCi: boolean,
  { keys }: TestWorld,
): void {
  const writing = reviews === true ? '--review' : update === true ? '--update' : undefined;
  if (isCi && writing !== undefined) throw new UsageError(writing, 'writes expectations, which is not allowed in CI');
  if (reviews === true && keys === undefined) throw new UsageError('--review', 'needs a terminal');
  if (reviews === true && output !== 'text') throw new UsageError('--review', 'shows text only, not a document');
  if (watch === true && output !== 'text') throw new UsageError('--watch', 'never ends, so it cannot print a document');
}

function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text, 'u');
  } catch {
    throw new UsageError(`--filter ${printable(text, 100)}`, 'is not a regular expression');
  }
}

async function runOnce(
  folders: readonly string[],
  options: TestOptions,
  filter: RegExp | undefined,
  isCi: boolean,
  io: Io,
  world: TestWorld,
): Promise<number> {
  const { output, update = false, review: reviews = false, backend: backends } = options;
  const isGithub = options.github ?? world.environment['GITHUB_ACTIONS'] === 'true';
  const guard = isGithub ? withoutCommands : (text: string) => text;
  const paint = paintOf(io);
  const found = findCases(folders).filter(({ name }) => filter?.test(name) ?? true);
  if (found.length === 0) throw new UsageError(`--filter ${printable(options.filter ?? '', 100)}`, 'matches no case');
  const tell = (result: CaseResult) => (output === 'text' ? io.out(guard(caseText(result, paint))) : Promise.resolve());

  let results: CaseResult[] = [];
  for (const [i, one] of found.entries()) {
    await showProgress(`${i + 1}/${found.length} ${printable(one.name, 60)}`, io, world);
    const result = await runCase(one, { backends }, world.clock.nowMs);
    const settled = update ? acceptAll(result) : result;
    if (!isCi) leavePending(settled);
    await showProgress('', io, world);
    results.push(settled);
    if (!reviews) await tell(settled);
  }
  if (reviews) {
    results = await reviewed(results, io, world);
    for (const result of results) await tell(result);
  }
  if (options.junit !== undefined) writeReport(options.junit, junitText(results));
  if (output === 'text') await io.out(summaryText(results, !isCi && !reviews, paint));
  else await io.out(await documentText('TestReport', reportData(results), output));
  // Standard output may hold a document, and GitHub reads both streams.
  if (isGithub) await io.err(annotations(results, (path) => pathFrom(world.folder, path)));
  return results.every(isPassed) ? 0 : 1;
}

async function reviewed(results: readonly CaseResult[], io: Io, { keys }: TestWorld): Promise<CaseResult[]> {
  const pressed = keys?.();
  if (pressed === undefined) return [...results];
  try {
    return await review(results, { show: io.out, key: () => pressed.next() }, paintOf(io));
  } finally {
    pressed.close();
  }
}

/** A line that the next one overwrites; empty: removes the last one. */
function showProgress(text: string, io: Io, { showsProgress }: TestWorld): Promise<void> {
  return showsProgress ? io.err(`\r\u001b[K${text}`) : Promise.resolve();
}

function writeReport(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new InputError([
      fileProblem(path, 'output-unwritable', `cannot be written: ${printable((error as Error).message, 300)}`),
    ]);
  }
}

/** A path relative to the folder where the command was called, if the file is below it. */
function pathFrom(folder: string, path: string): string {
  const below = relative(realpathSync(folder), realpathSync(path));
  return below.startsWith(`..${sep}`) ? path : below;
}
