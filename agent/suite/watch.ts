import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { compareText } from '../../compiler/values/names.ts';
import { type Clock, sleep } from '../loop/clock.ts';
import { createFolderWatcher } from '../sources/folder-watcher.ts';
import { pendingName } from './run-case.ts';

/** How often folders are checked if no change is reported. */
const pollMs = 2000;

/** An editor writes a file in several steps: the folder is read only after them. */
const settleMs = 50;

/**
 * Runs, and runs again after each change in the folders, until the signal is aborted.
 *
 * returns   the result of the last run
 */
export async function watching<T>(
  folders: readonly string[],
  clock: Clock,
  signal: AbortSignal,
  run: () => Promise<T>,
): Promise<T> {
  const watchers = folders.map((folder) => createFolderWatcher(folder, clock));
  try {
    for (;;) {
      const before = lookOf(folders);
      const result = await run();
      while (!signal.aborted && lookOf(folders) === before) {
        // The first change ends the waiting for the other folders too.
        const others = new AbortController();
        const waits = watchers.map((watcher) => watcher.wait(pollMs, AbortSignal.any([signal, others.signal])));
        await Promise.race(waits);
        others.abort();
        for (const watcher of watchers) watcher.forget();
        await sleep(clock, settleMs, signal);
      }
      if (signal.aborted) return result;
    }
  } finally {
    for (const watcher of watchers) watcher.close();
  }
}

/** A text that changes exactly when a file changes that a run reads: files that a run writes for review do not count. */
function lookOf(folders: readonly string[]): string {
  return folders.flatMap((folder) => linesOf(folder)).join('\n');
}

function linesOf(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter(({ name }) => !name.startsWith('.') && name !== 'node_modules' && !name.endsWith(pendingName('')))
      .sort((a, b) => compareText(a.name, b.name))
      .flatMap((entry) => {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) return [path, ...linesOf(path)];
        const { mtimeMs, size, ino } = lstatSync(path);
        return [`${path} ${mtimeMs} ${size} ${ino}`];
      });
  } catch {
    // The file is gone since the last look, or unreadable: the run reports it.
    return [`${folder} unreadable`];
  }
}
