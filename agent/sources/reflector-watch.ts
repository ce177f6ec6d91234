import type { Clock } from '../loop/clock.ts';
import type { ApiAnswer } from './api.ts';
import { problemOf } from './api-problems.ts';
import {
  isBefore,
  type Outcome,
  parseEvent,
  readJson,
  refusalOf,
  resourceVersionOf,
  watchError,
  withQuery,
} from './api-protocol.ts';
import { linesOf } from './json-lines.ts';
import type { ReflectorOptions, ReflectorTimes } from './reflector-options.ts';
import type { Holding } from './quota.ts';

export interface Watched {
  readonly outcome: Outcome;
  /** The resourceVersion to continue from. */
  readonly place: string;
  /** The number of events and bookmarks that were taken in. */
  readonly lines: number;
  /** The server accepted the watch. */
  readonly isOpen: boolean;
  /** It stayed open for longer than the longest wait between two attempts. */
  readonly isLasting: boolean;
  /** It was opened, and given up because it fell silent. */
  readonly isStalled: boolean;
}

/** Callbacks of a watch. */
export interface WatchEvents<T> {
  /** size: of the change; returns which limit it exceeds, and then it was not taken in. */
  change(key: string, value: T | undefined, size: Holding): string | undefined;
  opened(): void;
  lasts(): void;
}

const maxLineLength = 64 * 1024 * 1024;

/** Follows one watch to its end. The resourceVersion moves with each line that was taken in, and never back. */
export async function watch<T>(
  options: Pick<ReflectorOptions<T>, 'get' | 'path' | 'query' | 'project' | 'onHeard' | 'clock' | 'random' | 'pace'>,
  from: string,
  times: ReflectorTimes,
  signal: AbortSignal,
  tell: WatchEvents<T>,
): Promise<Watched> {
  let place = from;
  let lines = 0;
  let isOpen = false;
  let isLasting = false;
  const idle = createIdleTimer(options.clock, times.answerMs, times.idleMs);
  let cancelLasting: (() => void) | undefined;
  let answer: ApiAnswer | undefined;
  const end = (outcome: Outcome): Watched => ({
    outcome,
    place,
    lines,
    isOpen,
    isLasting,
    isStalled: isOpen && idle.signal.aborted && !signal.aborted,
  });
  const query = {
    ...options.query,
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: from,
    timeoutSeconds: String(Math.round(times.watchSeconds * (1 + options.random()))),
  };
  try {
    answer = await options.get(withQuery(options.path, query), AbortSignal.any([signal, idle.signal]));
    if (answer.status !== 200) return end(refusalOf(answer, await readJson(answer)) ?? closed);
    isOpen = true;
    idle.touch();
    tell.opened();
    cancelLasting = options.clock.timer(times.backoff.maxMs, () => {
      isLasting = true;
      tell.lasts();
    });
    for await (const line of linesOf(answer.body, maxLineLength)) {
      // Only whole lines are signs of life: single bytes could keep a dead watch open forever.
      idle.touch();
      const event = parseEvent(line);
      if (event === undefined) return end({ kind: 'expired', problem: 'a line of the watch is not an event' });
      if (event.type === 'ERROR') return end(watchError(event.object));
      const version = resourceVersionOf(event.object);
      if (version !== undefined && isBefore(version, place)) {
        return end({ kind: 'expired', problem: `the watch went back from resourceVersion ${place} to ${version}` });
      }
      const projected = event.type === 'BOOKMARK' ? undefined : options.project(event.object);
      if (projected !== undefined) {
        const size = { objects: 1, endpoints: projected.endpoints ?? 0, bytes: line.length };
        const excess = tell.change(projected.key, event.type === 'DELETED' ? undefined : projected.value, size);
        if (excess !== undefined) return end({ kind: 'failed', problem: excess, overLimit: true });
        const room = options.pace?.(line.length);
        if (room !== undefined) {
          // While this process is slow the server does not count as silent.
          idle.stop();
          await orAborted(room, signal);
          idle.touch();
        }
      }
      place = version ?? place;
      lines++;
      options.onHeard?.();
    }
    return end(closed);
  } catch (error) {
    const isIdle = idle.signal.aborted && !signal.aborted;
    return end({ kind: 'failed', problem: isIdle ? 'the watch was silent for too long' : problemOf(error) });
  } finally {
    idle.stop();
    cancelLasting?.();
    answer?.destroy();
  }
}

function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    void promise.then(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
  });
}

const closed: Outcome = { kind: 'closed', problem: 'the server closed it' };

/** Aborts if nothing happens: first until the head arrives, then until the next line is complete. */
function createIdleTimer(clock: Clock, answerMs: number, idleMs: number) {
  const controller = new AbortController();
  const expire = (): void => controller.abort(new Error('idle'));
  let cancel = clock.timer(answerMs, expire);
  return {
    signal: controller.signal,
    touch(): void {
      cancel();
      cancel = clock.timer(idleMs, expire);
    },
    stop: () => cancel(),
  };
}
