import { backendNames } from '../../backends/index.ts';
import { compareText } from '../../compiler/values/names.ts';
import { InputError } from '../input/input-error.ts';
import { diagnosticsText } from '../terminal/diagnostics.ts';
import { isInput, readCase } from './case.ts';
import { type ExpectationKind, recipesOf } from './expectations.ts';
import type { FoundCase } from './find.ts';
import { checkFlow, clustersByEndpoint } from './flow-check.ts';
import { type Flow, parseFlows } from './flow-table.ts';
import { openFolder, type SuiteFolder } from './folder.ts';
import { rulesFile } from './rules.ts';
import { type CompiledState, compiledStates, once } from './states.ts';

/** One thing that a case checks. */
export interface Check {
  /** `iptables.txt`, `flows.txt:3 pod 10.1.0.9 -> shop/cart:http`. */
  readonly name: string;
  readonly file: string;
  /** 1-based; undefined: the file as a whole. */
  readonly line: number | undefined;
  /** undefined: of all backends, or of none. */
  readonly backend: string | undefined;
  run(): Promise<Outcome>;
}

export type Outcome =
  | { readonly kind: 'passed' }
  /** The file's content differs from the result. */
  | { readonly kind: 'changed'; readonly expected: string; readonly found: string }
  | { readonly kind: 'missing'; readonly found: string }
  /** The file has no result to compare with any more. */
  | { readonly kind: 'obsolete'; readonly expected: string }
  /** A file that is neither input nor expectation. */
  | { readonly kind: 'stray'; readonly message: string }
  | { readonly kind: 'unmet'; readonly lines: readonly string[] }
  /** The files to compare cannot be read. */
  | { readonly kind: 'broken'; readonly message: string };

/** Which checks of a case are wanted; undefined: all. */
export interface Choice {
  readonly backends?: readonly string[] | undefined;
}

/** A flow table's name in a case; for a step, with its number in front. */
const flowFile = /^(?:([2-9]|[1-9][0-9]+)-)?flows\.txt$/;

/** Names that expectations can have in any case. */
const expectationFile = /^(?:[0-9]+-)?(?:verdicts|diagnostics|endpoints)\.txt$|^ir\.json$/;

/** A file of this name holds the result until somebody accepts it. */
export function pendingName(file: string): string {
  return `${file}.new`;
}

/**
 * All checks of a case, in order of name. Listing them reads only the folder; the results to compare are
 * made when the first check runs.
 */
export function checksOf({ path, root, rules }: FoundCase, { backends = rules.backends }: Choice = {}): Check[] {
  try {
    const folder = openFolder(root, path);
    const golden = readCase(folder);
    const states = compiledStates(golden);
    const chosen = rules.backends.filter((backend) => backends.includes(backend));
    const files = fileChecks(folder, states, rules.backends, chosen, rules.expect);
    return [...files, ...flowChecks(folder, states, chosen)].sort((a, b) => compareText(a.file, b.file));
  } catch (error) {
    // This case is wrong; the others are still checked.
    return [failing('the case', '.', { kind: 'broken', message: messageOf(error) })];
  }
}

function failing(name: string, file: string, outcome: Outcome, line?: number): Check {
  return { name, file, line, backend: undefined, run: () => Promise.resolve(outcome) };
}

function fileChecks(
  folder: SuiteFolder,
  states: readonly CompiledState[],
  all: readonly string[],
  chosen: readonly string[],
  expected: ReadonlySet<ExpectationKind>,
): Check[] {
  const recipes = recipesOf(states, all);
  const isThere = new Set(folder.files);
  const wanted = [...recipes].filter(([file, { kind, backend }]) => {
    return (backend === undefined || chosen.includes(backend)) && (expected.has(kind) || isThere.has(file));
  });
  const checks = wanted.map(([file, { backend, make }]): Check => {
    const run = guarded(async () => compare(isThere.has(file) ? textOf(folder, file) : undefined, await make()));
    return { name: file, file, line: undefined, backend, run };
  });
  const others = folder.files.filter((file) => !recipes.has(file) && !isBeside(file));
  return [...checks, ...others.map((file) => superfluous(folder, file))];
}

/** Other files of a case: texts for people, inputs, flow tables, pending results, hidden files. */
function isBeside(file: string): boolean {
  const isForPeople = file.endsWith('.md') || file.startsWith('.') || file.endsWith(pendingName(''));
  return isForPeople || file === rulesFile || isInput(file) || flowFile.test(file);
}

function compare(expected: string | undefined, found: string | undefined): Outcome {
  if (expected === found) return { kind: 'passed' };
  if (found === undefined) return { kind: 'obsolete', expected: expected ?? '' };
  return expected === undefined ? { kind: 'missing', found } : { kind: 'changed', expected, found };
}

/** Accepting removes a file with an expectation's name; any other file belongs to somebody, and stays. */
function superfluous(folder: SuiteFolder, file: string): Check {
  const [, backend = ''] = /^(?:[0-9]+-plan\.)?(.+)\.txt$/.exec(file) ?? [];
  if (!expectationFile.test(file) && !backendNames().includes(backend)) {
    return failing(file, file, {
      kind: 'stray',
      message: 'is neither an input nor an expectation of a case: remove it, or end its name with .md',
    });
  }
  const run = guarded(() => Promise.resolve<Outcome>({ kind: 'obsolete', expected: textOf(folder, file) }));
  return { name: file, file, line: undefined, backend: undefined, run };
}

function flowChecks(folder: SuiteFolder, states: readonly CompiledState[], backends: readonly string[]): Check[] {
  return folder.files.flatMap((file) => {
    const match = flowFile.exec(file);
    if (match === null) return [];
    const step = Number(match[1] ?? 1);
    const state = states[step - 1];
    if (state === undefined) {
      return [
        failing(file, file, { kind: 'broken', message: `is for step ${step}, but the case has ${states.length}` }),
      ];
    }
    const flows = parseFlows(textOf(folder, file), backendNames());
    if ('problems' in flows) {
      return flows.problems.map(({ line, message }) =>
        failing(`${file}:${line}`, file, { kind: 'broken', message }, line),
      );
    }
    const clusterOf = once(() => clustersByEndpoint(state));
    return flows.flatMap((flow) => backends.map((backend) => flowCheck(file, flow, state, backend, clusterOf)));
  });
}

function flowCheck(
  file: string,
  flow: Flow,
  state: CompiledState,
  backend: string,
  clusterOf: () => ReturnType<typeof clustersByEndpoint>,
): Check {
  const run = guarded(async (): Promise<Outcome> => {
    const unmet = await checkFlow(flow, state, backend, clusterOf());
    return unmet === undefined ? { kind: 'passed' } : { kind: 'unmet', lines: unmet.lines };
  });
  return { name: `${file}:${flow.line} ${flow.text} (${backend})`, file, line: flow.line, backend, run };
}

function textOf(folder: SuiteFolder, file: string): string {
  return Buffer.from(folder.read(file)).toString('utf8');
}

/** A file that cannot be used is a failed check; any other exception is a defect, and ends the run. */
function guarded(run: () => Promise<Outcome>): () => Promise<Outcome> {
  return async () => {
    try {
      return await run();
    } catch (error) {
      return { kind: 'broken', message: messageOf(error) };
    }
  };
}

function messageOf(error: unknown): string {
  if (!(error instanceof InputError)) throw error;
  return diagnosticsText(error.diagnostics, 'human', error.placeOf).trimEnd();
}
