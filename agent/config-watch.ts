import { dirname } from 'node:path';
import { canonicalJson } from '../compiler/values/canonical-json.ts';
import { formatDiagnostic } from '../compiler/values/diagnostic.ts';
import { type Clock, sleep } from './clock.ts';
import { InputError } from './input-error.ts';
import type { Log } from './log.ts';
import { createFolderWatcher } from './sources/folder-watcher.ts';

export interface ConfigWatch {
  readonly path: string;
  /** What the agent started with. */
  readonly document: unknown;
  /** What the file says now. Throws InputError while it cannot be used. */
  readonly read: () => Promise<unknown>;
  readonly clock: Clock;
  readonly log: Log;
  readonly times?: ConfigWatchTimes;
}

export interface ConfigWatchTimes {
  /** How often the file is read where nobody tells of changes. */
  readonly pollMs: number;
  /** A change counts when it is still there so much later: a writer may be half-way. */
  readonly settleMs: number;
}

const defaultTimes: ConfigWatchTimes = { pollMs: 10_000, settleMs: 500 };

/**
 * Waits until a configuration file says something else than it did at the start, in a form that a
 * new process can start with. A file that is gone or wrong is logged, and is no reason to end:
 * the agent would not come back.
 *
 * The folder is watched rather than the file: editors replace files, and a mounted ConfigMap
 * changes by another target of the link `..data`.
 *
 * returns  whether it changed; false: the signal was aborted first
 */
export async function configurationChanged(watch: ConfigWatch, signal: AbortSignal): Promise<boolean> {
  const { path, clock, log, times = defaultTimes } = watch;
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
        const sentence = 'the configuration file cannot be used; the agent goes on with the one that it started with';
        if (found.problem !== told) log.warn({ file: path }, `${sentence}: ${found.problem}`);
        told = found.problem;
        seen = undefined;
        continue;
      }
      if (told !== '') log.info({ file: path }, 'the configuration file can be used again');
      told = '';
      const isNew = found.text !== started;
      if (isNew && found.text === seen) {
        log.info({ file: path }, 'the configuration file says something else: ending, to be started again with it');
        return true;
      }
      seen = isNew ? found.text : undefined;
    }
    return false;
  } finally {
    folder.close();
  }
}

async function look(read: () => Promise<unknown>): Promise<{ readonly text: string } | { readonly problem: string }> {
  try {
    return { text: canonicalJson(await read()) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { problem: error.diagnostics.map(formatDiagnostic).join('; ') };
  }
}
