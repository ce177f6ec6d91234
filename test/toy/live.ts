import type {
  CleanReport,
  DumpProblem,
  DumpReading,
  DumpSource,
  LiveBackend,
  Remains,
} from '../../backends/backend.ts';
import type { Scope } from '../../backends/target.ts';
import { counted } from '../../compiler/values/counted.ts';
import { families } from '../../compiler/values/address.ts';
import { applyProgram } from './apply.ts';
import { assertPresent, readProgram, type ToyKernel } from './kernel.ts';
import { observedProgram, type ToyProgramOf, wantedProgram } from './plan.ts';
import { createToyPlane } from './plane.ts';
import { openToyMeter } from './traffic.ts';
import { emptyProgram, fileName, lineCount, parseProgram, printProgram, type Program } from './program.ts';
import { loadPlan } from './saved-plan.ts';
import { toySide } from './side.ts';

/** The toy in front of its kernel. It runs no commands, so it never uses `run`. */
export function createToyLive(kernel: ToyKernel, programOf: ToyProgramOf): LiveBackend {
  return {
    check: async () => assertPresent(kernel),
    prepare: () => Promise.resolve([]),
    modules: () => [],
    initialise: () => Promise.resolve([]),
    async observe(_run, scope, isNeeded) {
      if (!isNeeded && kernel.isAbsent) return undefined;
      const program = readProgram(kernel, scope);
      if (!isNeeded && program.parts.size === 0) return undefined;
      return {
        ...observedProgram(programOf, 'the toy kernel', program),
        refusal: () => Promise.resolve(undefined),
        apply: (target) => Promise.resolve(applyProgram(kernel, scope, wantedProgram(programOf, target))),
      };
    },
    async record(_run, scope, isNeeded) {
      if (!isNeeded && kernel.isAbsent) return undefined;
      return new Map([[fileName(scope.family), printProgram(readProgram(kernel, scope))]]);
    },
    meter: (_run, scope, isNeeded) => Promise.resolve(openToyMeter(kernel, scope, isNeeded)),
    nothing: ({ family }, source) => observedProgram(programOf, source, emptyProgram(family)),
    readDump: (source) => readDump(source, programOf),
    loadPlan: (parsed) => Promise.resolve(loadPlan(parsed, kernel)),
    createPlane: (options) => createToyPlane(kernel, programOf, options),
    remains: (_run, scope) => Promise.resolve(remainsOf(kernel, scope)),
    checkCleanable: () => Promise.resolve(),
    clean: (_run, scope) => Promise.resolve(clean(kernel, scope)),
    handOver: (_run, scope) => Promise.resolve(handOver(kernel, scope)),
  };
}

/** One file of any name, or the files of a folder that `compile --out` wrote. */
function readDump(source: DumpSource, programOf: ToyProgramOf): DumpReading {
  const problems: DumpProblem[] = [];
  const observed = textsOf(source).flatMap(({ path, text }) => {
    const program = parseProgram(text);
    if (program !== undefined) return [observedProgram(programOf, path, program)];
    problems.push({ path, code: 'bad-dump', message: 'is no program of the toy, or cut short' });
    return [];
  });
  if (observed.length === 0 && problems.length === 0) {
    problems.push({ path: source.path, code: 'no-dump', message: 'is a directory without toy-IPv4 or toy-IPv6' });
  }
  return { observed, problems };
}

function textsOf(source: DumpSource): readonly { readonly path: string; readonly text: string }[] {
  if (source.kind === 'file') return [source];
  return families.flatMap((family) => {
    const text = source.read(fileName(family));
    return text === undefined ? [] : [{ path: `${source.path}/${fileName(family)}`, text }];
  });
}

function remainsOf(kernel: ToyKernel, scope: Scope): Remains | undefined {
  const found = foundIn(kernel, scope);
  return (
    found && {
      text: `toy mode goes: ${counted(lineCount(found), 'line')}`,
      side: ({ node }) => toySide(found, node),
      leave() {
        const { isDone, problems } = applyProgram(kernel, scope, emptyProgram(scope.family));
        const done = isDone ? `toy mode is gone: ${counted(lineCount(found), 'line')}` : undefined;
        return Promise.resolve({ isDone, done, waits: undefined, problems });
      },
    }
  );
}

function clean(kernel: ToyKernel, scope: Scope): CleanReport {
  const found = foundIn(kernel, scope);
  if (found === undefined) return { state: 'nothing', done: [], others: undefined, kept: [], problems: [] };
  const { isDone, problems } = applyProgram(kernel, scope, emptyProgram(scope.family));
  const done = isDone ? [`${counted(lineCount(found), 'line')} removed from the toy kernel`] : [];
  return { state: isDone ? 'removed' : 'failed', done, others: undefined, kept: [], problems };
}

/** No kube-proxy has this mode, so none would replace the lines. */
function handOver(kernel: ToyKernel, scope: Scope): CleanReport {
  const found = foundIn(kernel, scope);
  if (found === undefined) return { state: 'nothing', done: [], others: undefined, kept: [], problems: [] };
  const message = 'no kube-proxy takes over the lines of the toy: apply a mode that kube-proxy has first';
  const problem = {
    severity: 'error',
    code: 'toy-hand-over',
    object: { kind: 'kernel', name: scope.family },
    message,
  } as const;
  return { state: 'failed', done: [], others: undefined, kept: [], problems: [problem] };
}

/** undefined: the kernel holds nothing of slicewright's. */
function foundIn(kernel: ToyKernel, scope: Scope): Program | undefined {
  if (kernel.isAbsent) return undefined;
  const program = readProgram(kernel, scope);
  return program.parts.size === 0 ? undefined : program;
}
