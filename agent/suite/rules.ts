import { dirname, join } from 'node:path';
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { backendNames } from '../../backends/index.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { parseDocuments } from '../input/documents.ts';
import { fileProblem, InputError } from '../input/input-error.ts';
import { type ExpectationKind, expectationKinds } from './expectations.ts';
import { openFolder } from './folder.ts';

/** The settings for all cases of a suite. */
export interface SuiteRules {
  /** The backends that have programs, and that every flow table is checked for. */
  readonly backends: readonly string[];
  /** Expectations that every case must have. One of another kind is checked if its file exists. */
  readonly expect: ReadonlySet<ExpectationKind>;
}

/** The file of a suite's settings, beside its cases. Every key may be left out. */
export const rulesFile = 'suite.yaml';

const usual: readonly ExpectationKind[] = ['programs', 'plans', 'verdicts', 'diagnostics'];

const schema = z.strictObject({
  backends: z.array(z.string()).min(1).optional(),
  expect: z.array(z.enum(expectationKinds)).optional(),
});

/**
 * The settings of a suite, from its folder; for one case that is given by its own path, from the folder around it.
 *
 * throws   InputError
 */
export function readRules(suite: string, isOneCase: boolean): SuiteRules {
  const places = isOneCase ? [suite, dirname(suite)] : [suite];
  const place = places.find((folder) => existsSync(join(folder, rulesFile)));
  if (place === undefined) return { backends: backendNames(), expect: new Set(usual) };
  const path = join(place, rulesFile);
  const problems: Diagnostic[] = [];
  const [document = {}, ...others] = parseDocuments(openFolder(place, place).read(rulesFile), path, problems);
  const parsed = schema.safeParse(document);
  if (others.length > 0)
    problems.push(fileProblem(path, 'bad-suite', `holds ${others.length + 1} documents; expected one`));
  for (const { path: where, message } of parsed.error?.issues ?? []) {
    problems.push(
      fileProblem(
        path,
        'bad-suite',
        printable(message),
        where.map((part) => printable(String(part), 60)).join('.') || undefined,
      ),
    );
  }
  const { backends = backendNames(), expect = usual } = parsed.data ?? {};
  for (const name of backends) {
    if (backendNames().includes(name)) continue;
    problems.push(
      fileProblem(
        path,
        'bad-suite',
        `${printable(name, 60)} is not a backend; the backends are ${backendNames().join(', ')}`,
        'backends',
      ),
    );
  }
  if (problems.length > 0) throw new InputError(problems);
  return { backends: backendNames().filter((name) => backends.includes(name)), expect: new Set(expect) };
}
