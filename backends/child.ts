import type { ChildProcess } from 'node:child_process';

/** Signals that end a process which does not listen to them. */
const ending = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;

/** Commands that run or are being started. */
let commands = 0;
const running = new Set<ChildProcess>();

/** A command that was started. */
export interface Started {
  readonly child: ChildProcess;
  /** To be called when it has ended. */
  readonly forget: () => void;
}

/**
 * Starts a command that ends when this process ends before it. Otherwise the command would go on without a reader for its
 * output, and would take the part of its input that it has for the whole. Signals are handled from before the start on,
 * since one may come right after it.
 *
 * Where other code of this process listens to a signal too, that code decides when to end.
 *
 * throws   what `start` throws
 */
export function startChild(start: () => ChildProcess): Started {
  if (commands++ === 0) listen('on');
  let child: ChildProcess | undefined;
  const forget = (): void => {
    if (child !== undefined) running.delete(child);
    if (--commands === 0) listen('off');
  };
  try {
    child = start();
  } catch (error) {
    forget();
    throw error;
  }
  running.add(child);
  return { child, forget };
}

function listen(how: 'on' | 'off'): void {
  process[how]('exit', endAll);
  for (const signal of ending) process[how](signal, onSignal);
}

function endAll(): void {
  for (const child of running) child.kill('SIGTERM');
}

function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  endAll();
  process.off(signal, onSignal);
  process.kill(process.pid, signal);
}
