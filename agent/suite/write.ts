import { randomUUID } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FoundCase } from './find.ts';
import { type Outcome, pendingName } from './run-case.ts';

/** What somebody can accept. */
export type Acceptable = Extract<Outcome, { kind: 'changed' | 'missing' | 'obsolete' }>;

export function isAcceptable(outcome: Outcome): outcome is Acceptable {
  return outcome.kind === 'changed' || outcome.kind === 'missing' || outcome.kind === 'obsolete';
}

/** Makes what was found the expectation. */
export function accept({ path }: FoundCase, file: string, outcome: Acceptable): void {
  if (outcome.kind === 'obsolete') rmSync(join(path, file));
  else put(path, file, outcome.found);
  dropPending(path, file);
}

function dropPending(path: string, file: string): void {
  rmSync(join(path, pendingName(file)), { force: true });
}

/**
 * Whole or not at all, and never through a link: a link of that name in somebody's case would lead to a file that is not the
 * suite's.
 */
function put(path: string, file: string, text: string): void {
  const early = join(path, `.${file}.${randomUUID()}`);
  try {
    writeFileSync(early, text, { flag: 'wx' });
    renameSync(early, join(path, file));
  } finally {
    rmSync(early, { force: true });
  }
}
