import { dirname } from 'node:path';
import { canonicalJson } from '../../compiler/values/canonical-json.ts';
import { type Clock, sleep } from '../loop/clock.ts';
import { InputError } from '../input/input-error.ts';
import { placedText } from '../terminal/diagnostics.ts';
import type { Log } from '../telling/log.ts';
import { createFolderWatcher } from '../sources/folder-watcher.ts';

export interface FileWatch {
  readonly path: string;
  /** The content in use. */
  readonly document: unknown;
  /** The content of the file now. Throws InputError while it cannot be used. */
  readonly read: () => Promise<unknown>;
  readonly clock: Clock;
  readonly log: Log;
  /** Words for the log: the file's name, what is used while it cannot be read, and what a change leads to. */
  readonly words: { readonly file: string; readonly kept: string; readonly change: string };
  readonly times?: FileWatchTimes;
}

export interface FileWatchTimes {
  /** How often the file is read if the system reports no changes. */
  readonly pollMs: number;
  /** A change counts when it is still there after this time: a writer may be half done. */
  readonly settleMs: number;
}

const defaultTimes: FileWatchTimes = { pollMs: 10_000, settleMs: 500 };

/**
 * Waits until a file differs from the content in use, and can be used. A file that is gone or
 * wrong is logged, and the agent goes on: if it ended, it could not start again.
 *
 * The folder is watched rather than the file: editors replace files, and a mounted ConfigMap
 * changes when the link `..data` gets another target.
 *
 * returns  the new content; undefined: the signal was aborted first
 */
export async function changedDocument(watch: FileWatch, signal: AbortSignal): Promise<unknown> {
  const { path, clock, log, words, times = defaultTimes } = watch;
  const folder = createFolderWatcher(dirname(path), clock, { recursive: false });
  const started = canonicalJson(watch.document);
  let told = '';
  /** The content at the last look, if it is new. */
  let seen: string | undefined;
  try {
    while (!signal.aborted) {
      if (seen === undefined) await folder.wait(times.pollMs, signal);
      // Read again at intervals even if others keep writing into the same folder.
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

/** Words for the agent's configuration, which only a new process can start with. */
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
