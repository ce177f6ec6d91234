// Runs the tests and prints a closing line of its own after everything was torn down:
// vitest's summary comes earlier, and does not say where tests ran.
import { relative } from 'node:path';
import { parseCLI, startVitest, type TestCase, type TestModule } from 'vitest/node';
import { closingReport, type FileTime, type Outcome, slowestLines } from './report.ts';

// Paths, and options of vitest's own such as `-t NAME`.
const { filter, options } = parseCLI(['vitest', 'run', ...process.argv.slice(2)]);
const vitest = await startVitest('test', filter, { ...options, watch: false, run: true });
const modules = vitest.state.getTestModules();
const outcomes = modules.flatMap((module) => [...module.children.allTests()].map((test) => outcomeOf(module, test)));
const times = modules.map((module): FileTime => ({ file: fileOf(module), ms: module.diagnostic().duration }));
const errors = [
  ...modules.flatMap((module) =>
    [module, ...module.children.allSuites()].flatMap((part) => part.errors().map(messageOf)),
  ),
  ...vitest.state.getUnhandledErrors().map(messageOf),
];
await vitest.close();

const seed = vitest.config.env['SEED'] ?? '';
const closing = closingReport(outcomes, errors, { strict: (process.env.CI ?? '') !== '', seed });
console.log(`\nThe slowest files, which run side by side:\n${slowestLines(times).join('\n')}`);
console.log(`\n${closing.lines.join('\n')}`);
if (!closing.ok) process.exitCode = 1;

function outcomeOf(module: TestModule, test: TestCase): Outcome {
  const result = test.result();
  const meta = test.meta();
  return {
    name: test.fullName,
    file: fileOf(module),
    state: result.state,
    place: meta.place === undefined ? 'this process' : `a ${meta.place}`,
    wavered: test.diagnostic()?.flaky ?? false,
    error: result.errors?.map(messageOf)[0],
    why: meta.notRun ?? (result.state === 'skipped' ? result.note : undefined),
  };
}

function fileOf({ moduleId }: TestModule): string {
  return relative(process.cwd(), moduleId);
}

function messageOf(error: unknown): string {
  return error instanceof Object && 'message' in error ? String(error.message).split('\n')[0]! : String(error);
}
