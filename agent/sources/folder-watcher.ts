import { type FSWatcher, watch } from 'node:fs';
import type { Clock } from '../loop/clock.ts';

/** Says that something in a folder may have changed. */
export interface FolderWatcher {
  heard(): boolean;
  forget(): void;
  /** Resolves when something is heard, after `ms`, or when the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Hears of changes where the file system tells of them; where it does not, the poll finds them. */
export function createFolderWatcher(
  path: string,
  clock: Pick<Clock, 'timer'>,
  { recursive }: { readonly recursive: boolean } = { recursive: true },
): FolderWatcher {
  let heard = false;
  let wake: (() => void) | undefined;
  const hear = (): void => {
    heard = true;
    wake?.();
  };
  let watcher: FSWatcher | undefined;
  const open = (): void => {
    if (watcher !== undefined) return;
    try {
      watcher = watch(path, { recursive, persistent: false }, hear);
      // The folder itself is gone, or there are more watches than the system allows.
      watcher.on('error', () => {
        watcher?.close();
        watcher = undefined;
      });
    } catch {
      watcher = undefined;
    }
  };
  return {
    heard: () => heard,
    forget: () => void (heard = false),
    wait(ms, signal) {
      open();
      return new Promise((resolve) => {
        const done = (): void => {
          cancel();
          signal.removeEventListener('abort', done);
          wake = undefined;
          resolve();
        };
        const cancel = clock.timer(ms, done);
        if (signal.aborted || heard) return done();
        signal.addEventListener('abort', done);
        wake = done;
      });
    },
    close: () => watcher?.close(),
  };
}
