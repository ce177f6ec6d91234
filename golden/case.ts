import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type GoldenCase, readCase as readInputs } from '../agent/suite/case.ts';
import { openFolder } from '../agent/suite/folder.ts';
import { compareText } from '../compiler/values/names.ts';

const root = fileURLToPath(new URL('.', import.meta.url));

/** Every folder beside this file, sorted. */
export const caseNames: readonly string[] = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort(compareText);

/** The inputs of a case. Throws when the case is malformed. */
export function readCase(name: string): GoldenCase {
  return readInputs(openFolder(root, `${root}${name}`));
}
