import { type FSWatcher, watch } from 'node:fs';
import type { Clock } from '../loop/clock.ts';

/** Reports that something in a folder may have changed. */
export interface FolderWatcher {
  heard(): boolean;
  forget(): void;
  /** Resolves when a change is reported, after `ms`, or when the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Uses the file system's change events; where there are none, the poll finds changes. */
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
      // The folder itself is gone, or the system allows no further watch.
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
