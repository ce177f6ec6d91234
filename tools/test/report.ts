// The text that `make test` prints at its end: counts by place, skipped tests with the reason, one closing line.

/** How one test ended. */
export interface Outcome {
  readonly name: string;
  readonly file: string;
  readonly state: 'passed' | 'failed' | 'skipped' | 'pending';
  /** Where it ran or would have run. */
  readonly place: string;
  /** For a skipped test: the reason, if the test gives one. */
  readonly why?: string | undefined;
  /** The test failed at first and passed when it was tried again. */
  readonly wavered?: boolean;
  /** For a failed test: the first line of its first error. */
  readonly error?: string | undefined;
}

/** How long one file took, from its first set-up to its last tear-down. */
export interface FileTime {
  readonly file: string;
  readonly ms: number;
}

const slowestCount = 20;

/** The slowest files, slowest first, one line each: they show why a run takes too long. */
export function slowestLines(times: readonly FileTime[]): string[] {
  const slowest = times.toSorted((a, b) => b.ms - a.ms).slice(0, slowestCount);
  return slowest.map(({ file, ms }) => `${(ms / 1000).toFixed(1).padStart(7)} s  ${file}`);
}

export interface Closing {
  readonly lines: readonly string[];
  readonly ok: boolean;
}

/** A machine that keeps only the end of a long output still has to show what failed: no line may push another out. */
const longestFailure = 240;

/**
 * The closing report. A test that never ended counts as failed, and so does each broken file or
 * stray error that belongs to no test. Failures come last, just before the count.
 *
 * errors   messages of failures outside any test: a file that does not load, an unhandled rejection
 * strict   in CI: tests that did not run make the run fail
 * seed     the seed of all randomness in this run; printed when something failed
 * returns  the lines, of which the last is `N passed, N failed[, N skipped]`
 */
export function closingReport(
  outcomes: readonly Outcome[],
  errors: readonly string[],
  { strict, seed }: { readonly strict: boolean; readonly seed: string },
): Closing {
  const skipped = outcomes.filter((outcome) => outcome.state === 'skipped');
  const passed = outcomes.filter((outcome) => outcome.state === 'passed').length;
  const failed = outcomes.length - passed - skipped.length + errors.length;
  const refused = strict && skipped.length > 0;
  const lines = [
    ...placeLines(outcomes),
    ...notRunLines(skipped),
    ...outcomes
      .filter(({ wavered }) => wavered)
      .map(({ file, name }) => `passed only when tried again: ${file}: ${name}`),
    ...(refused ? ['CI is set: every test has to run, so this run fails'] : []),
    ...(failed > 0
      ? [`the seed of this run is ${seed}; the same chance again: SEED=${seed} make test FILES=path`]
      : []),
    ...(outcomes.length === 0 ? ['no test was found, so this run fails'] : []),
    ...failureLines(outcomes, errors),
    `${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`,
  ];
  return { lines, ok: failed === 0 && !refused && outcomes.length > 0 };
}

function failureLines(outcomes: readonly Outcome[], errors: readonly string[]): string[] {
  const failed = outcomes.filter(({ state }) => state === 'failed' || state === 'pending');
  const lines = [
    ...failed.map(({ file, name, state, error }) => {
      return `failed: ${file}: ${name}: ${error ?? (state === 'pending' ? 'it never ended' : 'it gave no error')}`;
    }),
    ...errors.map((error) => `failed outside a test: ${error}`),
  ];
  return lines.map((line) => (line.length > longestFailure ? `${line.slice(0, longestFailure - 2)} …` : line));
}

function placeLines(outcomes: readonly Outcome[]): string[] {
  const ran = outcomes.filter((outcome) => outcome.state !== 'skipped');
  return [...countBy(ran, (outcome) => outcome.place)].map(([place, count]) => `${count} ran in ${place}`);
}

/** One line for each reason, with the files that it concerns: one missing tool skips hundreds of tests. */
function notRunLines(skipped: readonly Outcome[]): string[] {
  const groups = countBy(
    skipped,
    (outcome) => `${outcome.file}: ${outcome.why ?? `${outcome.name} is marked to be skipped`}`,
  );
  return [...groups].map(([group, count]) => `${count} did not run: ${group}`);
}

function countBy<T>(values: readonly T[], key: (value: T) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(key(value), (counts.get(key(value)) ?? 0) + 1);
  return new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}
