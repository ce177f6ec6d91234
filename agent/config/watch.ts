import { dirname } from 'node:path';
import { canonicalJson } from '../../compiler/values/canonical-json.ts';
import { type Clock, sleep } from '../loop/clock.ts';
import { InputError } from '../input/input-error.ts';
import { placedText } from '../terminal/diagnostics.ts';
import type { Log } from '../telling/log.ts';
import { createFolderWatcher } from '../sources/folder-watcher.ts';

export interface FileWatch {
  readonly path: string;
  /** What counts now. */
  readonly document: unknown;
  /** What the file says now. Throws InputError while it cannot be used. */
  readonly read: () => Promise<unknown>;
  readonly clock: Clock;
  readonly log: Log;
  /** What the file is called, what counts while it cannot be used, and what comes of a change. */
  readonly words: { readonly file: string; readonly kept: string; readonly change: string };
  readonly times?: FileWatchTimes;
}

export interface FileWatchTimes {
  /** How often the file is read where nobody tells of changes. */
  readonly pollMs: number;
  /** A change counts when it is still there so much later: a writer may be half-way. */
  readonly settleMs: number;
}

const defaultTimes: FileWatchTimes = { pollMs: 10_000, settleMs: 500 };

/**
 * Waits until a file says something else than what counts, in a form that can be used. A file that is gone or
 * wrong is logged, and is no reason to end: the agent would not come back.
 *
 * The folder is watched rather than the file: editors replace files, and a mounted ConfigMap
 * changes by another target of the link `..data`.
 *
 * returns  what it says then; undefined: the signal was aborted first
 */
export async function changedDocument(watch: FileWatch, signal: AbortSignal): Promise<unknown> {
  const { path, clock, log, words, times = defaultTimes } = watch;
  const folder = createFolderWatcher(dirname(path), clock, { recursive: false });
  const started = canonicalJson(watch.document);
  let told = '';
  /** What it said at the last look, if that is new. */
  let seen: string | undefined;
  try {
    while (!signal.aborted) {
      if (seen === undefined) await folder.wait(times.pollMs, signal);
      // Also where others write into the same folder all the time.
      await sleep(clock, times.settleMs, signal);
      folder.forget();
      if (signal.aborted) break;
      const found = await look(watch.read);
      if ('problem' in found) {
        const sentence = `the ${words.file} cannot be used; ${words.kept}`;
        if (found.problem !== told) log.warn({ file: path }, `${sentence}: ${found.problem}`);
        told = found.problem;
        seen = undefined;
        continue;
      }
      if (told !== '') log.info({ file: path }, `the ${words.file} can be used again`);
      told = '';
      const isNew = found.text !== started;
      if (isNew && found.text === seen) {
        log.info({ file: path }, `the ${words.file} changed; ${words.change}`);
        return found.document;
      }
      seen = isNew ? found.text : undefined;
    }
    return undefined;
  } finally {
    folder.close();
  }
}

/** What is said of the agent's configuration, with which only a new process can start. */
export const configurationWords: FileWatch['words'] = {
  file: 'configuration file',
  kept: 'the agent keeps the one it started with',
  change: 'exiting so that the supervisor restarts the agent',
};

async function look(
  read: () => Promise<unknown>,
): Promise<{ readonly document: unknown; readonly text: string } | { readonly problem: string }> {
  try {
    const document = await read();
    return { document, text: canonicalJson(document) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { problem: error.diagnostics.map((one) => placedText(one, error.placeOf)).join('; ') };
  }
}
