import { randomUUID } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../input/input-error.ts';
import type { FoundCase } from './find.ts';
import { openFolder } from './folder.ts';
import { type Outcome, pendingName } from './run-case.ts';
import type { CaseResult } from './result.ts';

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

/** Leaves the expectation as it is, and takes away what was pending. */
export function reject({ path }: FoundCase, file: string): void {
  dropPending(path, file);
}

/**
 * Puts beside each expectation what was found instead, and takes away what is pending no more: what an earlier run left, of a
 * check that now passes.
 */
export function leavePending({ found, results }: CaseResult): void {
  const { files, read } = openFolder(found.root, found.path);
  for (const { check, outcome, isAccepted } of results) {
    const pending = pendingName(check.file);
    if (isAcceptable(outcome) && outcome.kind !== 'obsolete' && !isAccepted) {
      // The same is not written again: who watches the folder would hear of it.
      if (!files.includes(pending) || !holds(() => read(pending), outcome.found))
        put(found.path, pending, outcome.found);
    } else if (files.includes(pending)) {
      dropPending(found.path, check.file);
    }
  }
}

/** What cannot be read, a link out of the suite say, holds something else. */
function holds(read: () => Uint8Array, text: string): boolean {
  try {
    return Buffer.from(text).equals(read());
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
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
