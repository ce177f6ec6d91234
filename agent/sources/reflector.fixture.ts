import { createTestClock, type TestClock } from '../loop/clock.fixture.ts';
import type { ApiGet } from './api.ts';
import { reflect } from './reflector.ts';
import type { ReflectorState, ReflectorTimes } from './reflector-options.ts';
import { createQuota, defaultSourceLimits, type SourceLimits } from './quota.ts';

/** An object as a server sends it; its version is the value that is kept. */
export function object(name: string, version?: string) {
  return { metadata: { name, ...(version === undefined ? {} : { resourceVersion: version }) } };
}

export function event(type: string, name: string, version?: string): string {
  return `${JSON.stringify({ type, object: object(name, version) })}\n`;
}

export function error(code: number, message: string, details: object = {}): string {
  return `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code, message, details } })}\n`;
}

/** A server's answer to one request. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly chunks: readonly string[];
  /** Used instead of the chunks. */
  readonly endless?: () => Iterable<string>;
  /** After that the connection stays open, and nothing more arrives. */
  readonly stays?: boolean;
}

export function listOf(version: string, ...objects: readonly (readonly [name: string, version: string])[]): Answer {
  const items = objects.map(([name, of]) => object(name, of));
  return { chunks: [JSON.stringify({ metadata: { resourceVersion: version }, items })] };
}

export function refusal(
  status: number,
  message: string,
  more: Partial<Answer> & { readonly details?: object } = {},
): Answer {
  const { details, ...rest } = more;
  return { status, chunks: [JSON.stringify({ kind: 'Status', code: status, message, details })], ...rest };
}

export const quiet: Answer = { chunks: [], stays: true };
export const ended: Answer = { chunks: [] };
export function tells(...chunks: readonly string[]): Answer {
  return { chunks, stays: true };
}
export function ends(...chunks: readonly string[]): Answer {
  return { chunks };
}

/** Answers requests in turn, as a real connection does: only until it is aborted. */
export function serve(answerTo: (url: URL) => Answer | Promise<Answer>): ApiGet {
  return async (path, signal) => {
    const {
      status = 200,
      headers = {},
      chunks,
      endless,
      stays = false,
    } = await answerTo(new URL(path, 'http://server'));
    signal.throwIfAborted();
    return {
      status,
      headers,
      destroy: () => {},
      body: (async function* () {
        for (const chunk of endless?.() ?? chunks) {
          await new Promise(setImmediate);
          signal.throwIfAborted();
          yield Buffer.from(chunk);
        }
        if (stays)
          await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
      })(),
    };
  };
}

export const quick: ReflectorTimes = {
  backoff: { firstMs: 2, maxMs: 10_000 },
  answerMs: 60_000,
  idleMs: 60_000,
  watchSeconds: 300,
  absentMs: 5,
  holdMs: 60_000,
};

export interface Reflection {
  readonly clock: TestClock;
  readonly held: ReadonlyMap<string, string>;
  /** Every reported value, with its key: `a=7`, and `a gone`. */
  readonly told: readonly string[];
  readonly states: readonly ReflectorState[];
  /** `list`, `list more` with a continue token, `list whole` without pages, `watch 7`. */
  readonly requests: readonly string[];
  /** The time of each request, in milliseconds. */
  readonly times: readonly number[];
  stop(): Promise<void>;
}

/** A reflector on a server that answers lists and watches by turns, repeating the last of each. */
export function follow(
  script: {
    readonly lists: readonly (Answer | ((url: URL) => Answer))[];
    readonly watches: readonly (Answer | ((url: URL) => Answer))[];
  },
  options: { readonly optional?: boolean; readonly times?: Partial<ReflectorTimes> } = {},
): Reflection {
  const turn = { list: 0, watch: 0 };
  return reflectFrom((url) => {
    const kind = url.searchParams.has('watch') ? 'watch' : 'list';
    const answers = kind === 'watch' ? script.watches : script.lists;
    const answer = answers[Math.min(turn[kind]++, answers.length - 1)];
    if (answer === undefined) throw new Error(`the script has no ${kind}`);
    return typeof answer === 'function' ? answer(url) : answer;
  }, options);
}

/** A reflector on a server of any kind. */
export function reflectFrom(
  answerTo: (url: URL) => Answer | Promise<Answer>,
  options: {
    readonly optional?: boolean;
    readonly times?: Partial<ReflectorTimes>;
    readonly random?: () => number;
    readonly limits?: Partial<SourceLimits>;
    readonly pace?: (bytes: number) => Promise<void> | undefined;
  } = {},
): Reflection {
  const clock = createTestClock();
  const held = new Map<string, string>();
  const told: string[] = [];
  const states: ReflectorState[] = [];
  const requests: string[] = [];
  const times: number[] = [];
  const stop = new AbortController();
  const put = (key: string, value: string | undefined): void => {
    told.push(value === undefined ? `${key} gone` : `${key}=${value}`);
    if (value === undefined) held.delete(key);
    else held.set(key, value);
  };
  const done = reflect<string>(
    {
      get: serve((url) => {
        requests.push(requestText(url));
        times.push(clock.nowMs());
        return answerTo(url);
      }),
      path: '/api/v1/services',
      optional: options.optional ?? false,
      project: (raw) => {
        const { metadata, endpoints } = raw as {
          readonly metadata: { readonly name?: string; readonly resourceVersion?: string };
          readonly endpoints?: readonly unknown[];
        };
        const { name, resourceVersion } = metadata;
        if (name === undefined) return undefined;
        return { key: name, value: resourceVersion ?? 'none', endpoints: endpoints?.length ?? 0 };
      },
      onReplace: (objects, gone) => {
        for (const [key, value] of objects) put(key, value);
        for (const key of gone) put(key, undefined);
      },
      onChange: put,
      onState: (state) => states.push(state),
      times: { ...quick, ...options.times },
      clock,
      random: options.random ?? (() => 0.5),
      allowance: createQuota({ ...defaultSourceLimits, ...options.limits })('Service'),
      ...(options.pace === undefined ? {} : { pace: options.pace }),
    },
    stop.signal,
  );
  return {
    clock,
    held,
    told,
    states,
    requests,
    times,
    async stop() {
      stop.abort();
      await done;
    },
  };
}

function requestText({ searchParams }: URL): string {
  if (searchParams.has('watch')) return `watch ${searchParams.get('resourceVersion')}`;
  if (searchParams.has('continue')) return 'list more';
  return searchParams.has('limit') ? 'list' : 'list whole';
}
