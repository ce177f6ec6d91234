import type { Backend, Observed } from '../../backends/backend.ts';
import type { Run } from '../../backends/command.ts';
import { BackendError } from '../../backends/errors.ts';
import { backendNames, byName } from '../../backends/index.ts';
import { isUsed, type Target } from '../../backends/target.ts';
import type { Settings } from '../../compiler/settings.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { sourceAt } from '../input/dumps.ts';
import { fileProblem, InputError } from '../input/input-error.ts';
import { scopeOf } from '../planning/plan-kernel.ts';

/** One family's rules, and the mode that wrote them. */
export interface FoundMode {
  readonly backend: Backend;
  readonly observed: Observed;
}

/**
 * What a dump shows. Every backend reads the dump; the one used is the one that recognises its own rules in force there.
 *
 * mode     the mode that the caller names; undefined: find it
 * throws   InputError if the dump is unreadable, holds rules of no mode or of several, or is incomplete
 */
export async function findInDump(
  path: string,
  { chainPrefix }: Settings,
  mode: string | undefined,
): Promise<readonly FoundMode[]> {
  const source = sourceAt(path);
  const readings = await Promise.all(
    modesToTry(mode).map(async (name) => {
      const backend = await byName(name);
      return { backend, ...(await backend.live()).readDump(source, chainPrefix) };
    }),
  );
  const inForce = readings.filter(({ observed }) => mode !== undefined || observed.some((one) => one.isInForce));
  const [chosen] = inForce;
  if (chosen === undefined) {
    const why = readings.map(({ backend, problems }) => {
      const said = [...new Set(problems.map(({ message }) => message))].join('; ');
      return `${backend.name} mode: ${said === '' ? 'it has no rules' : said}`;
    });
    throw new InputError([fileProblem(path, 'no-mode', `shows no mode that is in force\n${why.join('\n')}`)]);
  }
  if (inForce.length > 1) throw new InputError([severalModes(path, inForce)]);
  const { backend, observed, problems } = chosen;
  if (problems.length > 0) {
    throw new InputError(problems.map(({ path: at, code, message }) => fileProblem(at, code, message)));
  }
  return observed.map((one) => ({ backend, observed: one }));
}

function modesToTry(mode: string | undefined): readonly string[] {
  return mode === undefined ? backendNames() : [mode];
}

function severalModes(path: string, found: readonly { readonly backend: Backend }[]) {
  const names = found.map(({ backend }) => backend.name).join(' and ');
  return fileProblem(path, 'several-modes', `shows rules of ${names}; --backend says which of them is meant`);
}

/**
 * What this node's kernel holds. If Services use a family in which no mode is in force, that family is read in the mode of
 * the other family.
 *
 * throws   InputError if no mode, or several, are in force; BackendError if the requested mode cannot be read
 */
export async function findInKernel(
  run: Run,
  settings: Settings,
  targets: Readonly<Record<Family, Target>>,
  mode: string | undefined,
): Promise<readonly FoundMode[]> {
  const found: FoundMode[] = [];
  const empty: FoundMode[] = [];
  const failures: BackendError[] = [];
  for (const family of families.filter((one) => isUsed(targets[one]))) {
    const inForce: FoundMode[] = [];
    for (const name of modesToTry(mode)) {
      const backend = await byName(name);
      try {
        const observed = await (await backend.live()).observe(run, scopeOf(family, settings, true), true);
        if (observed === undefined) continue;
        (mode !== undefined || observed.isInForce ? inForce : empty).push({ backend, observed });
      } catch (error) {
        // A node has only the tools of its own mode; whether a missing tool matters shows at the end.
        if (!(error instanceof BackendError) || mode !== undefined) throw error;
        failures.push(error);
      }
    }
    if (inForce.length > 1) throw new InputError([severalModes('the kernel', inForce)]);
    found.push(...inForce);
  }
  const [one] = found;
  if (one === undefined) {
    const [failure] = failures;
    if (failure !== undefined) throw failure;
    throw new InputError([fileProblem('the kernel', 'no-mode', 'has no rules of any mode')]);
  }
  const has = new Set(found.map(({ observed }) => observed.family));
  const unserved = empty.filter(
    ({ backend, observed: { family } }) =>
      backend === one.backend && !has.has(family) && targets[family].services.length > 0,
  );
  return [...found, ...unserved];
}
