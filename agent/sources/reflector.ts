import { type BackoffTimes, backoffMs } from './backoff.ts';
import type { ApiAnswer, ApiGet } from './api.ts';
import {
  asListPage,
  type Outcome,
  parseEvent,
  problemOf,
  readJson,
  refusalOf,
  resourceVersionOf,
  watchError,
  withQuery,
} from './api-protocol.ts';
import { linesOf } from './json-lines.ts';

/** How it stands with one kind of one cluster. */
export type ReflectorState =
  /** Nothing was ever listed: what we hold says nothing about the cluster. */
  | { readonly kind: 'starting' }
  /** Listed, and a watch is open (or was until a moment ago and is being renewed). */
  | { readonly kind: 'live' }
  /** Cannot be read now; what was read before still stands. */
  | { readonly kind: 'failing'; readonly problem: string }
  /** The API server does not know the kind: there are none of it. */
  | { readonly kind: 'absent' };

export interface ReflectorTimes {
  readonly backoff: BackoffTimes;
  /** A list or the head of a watch that takes longer is given up. */
  readonly answerMs: number;
  /** A watch that brings nothing for so long is taken for dead. API servers send a bookmark a minute. */
  readonly idleMs: number;
  /** How long the server shall keep a watch open. */
  readonly watchSeconds: number;
  /** How soon a kind that was absent is asked for again. */
  readonly absentMs: number;
}

export const defaultReflectorTimes: ReflectorTimes = {
  backoff: { firstMs: 200, maxMs: 5_000 },
  answerMs: 30_000,
  idleMs: 90_000,
  watchSeconds: 300,
  absentMs: 30_000,
};

export interface ReflectorOptions<T> {
  readonly get: ApiGet;
  /** `/apis/discovery.k8s.io/v1/endpointslices`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** A kind that need not exist (a CRD): 404 then means that there are none. Otherwise it is a failure like others. */
  readonly optional: boolean;
  /**
   * What is kept of an object, and the key it is kept by; undefined: nothing. Reducing on arrival
   * is what keeps memory small: an object as it comes is mostly managedFields.
   */
  readonly project: (object: unknown) => { readonly key: string; readonly value: T } | undefined;
  /** All there is now; everything known before is void. Called after every complete list. */
  readonly onReplace: (objects: ReadonlyMap<string, T>) => void;
  /** One object changed; undefined: it is gone. */
  readonly onChange: (key: string, value: T | undefined) => void;
  readonly onState: (state: ReflectorState) => void;
  readonly times?: ReflectorTimes;
  readonly random: () => number;
}

const pageSize = 500;
const maxLineLength = 64 * 1024 * 1024;

/**
 * Keeps a copy of one kind of one cluster up to date until the signal is aborted: list, then watch
 * from there, and list again when the server no longer knows our place.
 *
 * Never gives up and never spins: every attempt that ended badly waits longer than the one before,
 * with jitter; a stream that brings nothing is dropped; a list is complete or has no effect. While
 * it cannot read, what was read before stands: only a complete list or a DELETED event removes.
 *
 * source: the API's conventions for list and watch, and recorded answers of a real server
 */
export async function reflect<T>(options: ReflectorOptions<T>, signal: AbortSignal): Promise<void> {
  const times = options.times ?? defaultReflectorTimes;
  let resourceVersion: string | undefined;
  let failures = 0;
  options.onState({ kind: 'starting' });

  while (!signal.aborted) {
    let outcome: Outcome;
    let progressed = false;
    if (resourceVersion === undefined) {
      const listed = await list(options, times, signal);
      if (listed.kind === 'listed') {
        resourceVersion = listed.resourceVersion;
        options.onReplace(listed.objects);
        options.onState({ kind: 'live' });
        continue;
      }
      outcome = listed;
    } else {
      const watched = await watch(options, resourceVersion, times, signal);
      resourceVersion = watched.outcome.kind === 'expired' ? undefined : watched.resourceVersion;
      progressed = watched.events > 0 || watched.longLived;
      outcome = watched.outcome;
    }
    if (signal.aborted) return;

    if (outcome.kind === 'absent' && options.optional) {
      resourceVersion = undefined;
      options.onReplace(new Map());
      options.onState({ kind: 'absent' });
      await sleep(times.absentMs, signal);
      continue;
    }
    if (progressed) failures = 0;
    // A server that closes an old watch does as asked: the next one opens at once.
    if (outcome.kind === 'closed' && progressed) continue;
    failures++;
    if (outcome.kind !== 'closed') {
      options.onState({ kind: 'failing', problem: outcome.problem });
    }
    const retryAfterMs = outcome.kind === 'failed' ? (outcome.retryAfterMs ?? 0) : 0;
    await sleep(Math.max(retryAfterMs, backoffMs(failures, times.backoff, options.random())), signal);
  }
}

type Listed<T> = {
  readonly kind: 'listed';
  readonly objects: ReadonlyMap<string, T>;
  readonly resourceVersion: string;
};

/** All pages, or nothing: a page that cannot be had, or whose place expired, voids those before it. */
async function list<T>(
  options: ReflectorOptions<T>,
  times: ReflectorTimes,
  signal: AbortSignal,
): Promise<Listed<T> | Outcome> {
  const objects = new Map<string, T>();
  let next: string | undefined;
  try {
    do {
      const query = { ...options.query, limit: String(pageSize), ...(next === undefined ? {} : { continue: next }) };
      const limited = AbortSignal.any([signal, AbortSignal.timeout(times.answerMs)]);
      const answer = await options.get(withQuery(options.path, query), limited);
      const body = await readJson(answer);
      const refused = refusalOf(answer, body);
      if (refused !== undefined) return refused;
      const page = asListPage(body);
      if (page === undefined) return { kind: 'failed', problem: 'the answer to a list is not a list' };
      for (const item of page.items) {
        const projected = options.project(item);
        if (projected !== undefined) objects.set(projected.key, projected.value);
      }
      next = page.next;
      if (next === undefined) return { kind: 'listed', objects, resourceVersion: page.resourceVersion };
    } while (!signal.aborted);
    return { kind: 'closed' };
  } catch (error) {
    return { kind: 'failed', problem: problemOf(error) };
  }
}

interface Watched {
  readonly outcome: Outcome;
  readonly resourceVersion: string;
  readonly events: number;
  readonly longLived: boolean;
}

/** Follows one watch to its end. The place moves with each event that was taken in. */
async function watch<T>(
  options: ReflectorOptions<T>,
  from: string,
  times: ReflectorTimes,
  signal: AbortSignal,
): Promise<Watched> {
  let resourceVersion = from;
  let events = 0;
  const idle = createIdleTimer(times.answerMs, times.idleMs);
  const started = performance.now();
  const end = (outcome: Outcome): Watched => ({
    outcome,
    resourceVersion,
    events,
    longLived: performance.now() - started > times.backoff.maxMs,
  });
  const seconds = Math.round(times.watchSeconds * (1 + options.random()));
  const query = {
    ...options.query,
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: from,
    timeoutSeconds: String(seconds),
  };
  let answer: ApiAnswer | undefined;
  try {
    answer = await options.get(withQuery(options.path, query), AbortSignal.any([signal, idle.signal]));
    if (answer.status !== 200) return end(refusalOf(answer, await readJson(answer)) ?? { kind: 'closed' });
    options.onState({ kind: 'live' });
    for await (const line of linesOf(answer.body, maxLineLength, idle.touch)) {
      const event = parseEvent(line);
      if (event === undefined) return end({ kind: 'expired', problem: 'an event of the watch is not JSON' });
      if (event.type === 'ERROR') return end(watchError(event.object));
      const version = resourceVersionOf(event.object);
      if (event.type !== 'BOOKMARK') {
        const projected = options.project(event.object);
        if (projected !== undefined) {
          options.onChange(projected.key, event.type === 'DELETED' ? undefined : projected.value);
        }
        events++;
      }
      if (version !== undefined) resourceVersion = version;
    }
    return end({ kind: 'closed' });
  } catch (error) {
    const problem =
      idle.signal.aborted && !signal.aborted ? 'the watch brought nothing for too long' : problemOf(error);
    return end({ kind: 'failed', problem });
  } finally {
    idle.stop();
    answer?.destroy();
  }
}

/** Aborts when nothing happens: first until the head arrives, then between two chunks. */
function createIdleTimer(answerMs: number, idleMs: number) {
  const controller = new AbortController();
  const expire = (): void => controller.abort(new Error('idle'));
  let timer = setTimeout(expire, answerMs);
  return {
    signal: controller.signal,
    touch(): void {
      clearTimeout(timer);
      timer = setTimeout(expire, idleMs);
    },
    stop: () => clearTimeout(timer),
  };
}

/** Ends early, without an error, when the signal is aborted. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
