import { randomUUID } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../input/input-error.ts';
import type { FoundCase } from './find.ts';
import { openFolder } from './folder.ts';
import { type Outcome, pendingName } from './run-case.ts';
import type { CaseResult } from './result.ts';

/** Results that can be accepted. */
export type Acceptable = Extract<Outcome, { kind: 'changed' | 'missing' | 'obsolete' }>;

export function isAcceptable(outcome: Outcome): outcome is Acceptable {
  return outcome.kind === 'changed' || outcome.kind === 'missing' || outcome.kind === 'obsolete';
}

/** Makes the result the new expectation. */
export function accept({ path }: FoundCase, file: string, outcome: Acceptable): void {
  if (outcome.kind === 'obsolete') rmSync(join(path, file));
  else put(path, file, outcome.found);
  dropPending(path, file);
}

/** Keeps the expectation, and removes the pending result. */
export function reject({ path }: FoundCase, file: string): void {
  dropPending(path, file);
}

/**
 * Writes each result beside its expectation, and removes pending results that are no longer valid: left by an earlier run, for
 * a check that passes now.
 */
export function leavePending({ found, results }: CaseResult): void {
  const { files, read } = openFolder(found.root, found.path);
  for (const { check, outcome, isAccepted } of results) {
    const pending = pendingName(check.file);
    if (isAcceptable(outcome) && outcome.kind !== 'obsolete' && !isAccepted) {
      // An equal file is not written again: that would wake a process that watches the folder.
      if (!files.includes(pending) || !holds(() => read(pending), outcome.found))
        put(found.path, pending, outcome.found);
    } else if (files.includes(pending)) {
      dropPending(found.path, check.file);
    }
  }
}

/** An unreadable file, such as a link out of the suite, counts as different. */
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
 * Writes the whole file or nothing, and never through a link: such a link in a case could lead to a file outside of the
 * suite.
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
