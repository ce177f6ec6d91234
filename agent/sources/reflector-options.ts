import type { Allowance } from './quota.ts';
import type { Clock } from '../loop/clock.ts';
import type { ApiGet } from './api.ts';
import type { BackoffTimes } from './backoff.ts';

export type ReflectorState =
  /** Nothing was ever listed: what we hold says nothing about the cluster. */
  | { readonly kind: 'starting' }
  /** Listed, and a watch is open (or was until a moment ago and is being renewed). */
  | { readonly kind: 'live' }
  /** Cannot be read now; what was read before still stands. */
  | { readonly kind: 'failing'; readonly problem: string; readonly overLimit?: true }
  /** The API server does not know the kind: there are none of it. */
  | { readonly kind: 'absent' };

export interface ReflectorTimes {
  /** Between attempts. A watch that stays open for longer than the longest wait is a good one. */
  readonly backoff: BackoffTimes;
  /** A list's page or the head of a watch that takes longer is given up. */
  readonly answerMs: number;
  /** A watch that brings nothing for so long is taken for dead. API servers send a bookmark a minute. */
  readonly idleMs: number;
  /** How long the server shall keep a watch open. */
  readonly watchSeconds: number;
  /** How soon a kind that was absent is asked for again. */
  readonly absentMs: number;
  /** How long objects of a kind stay that the server suddenly does not know any more. */
  readonly holdMs: number;
}

export const defaultReflectorTimes: ReflectorTimes = {
  backoff: { firstMs: 200, maxMs: 5_000 },
  answerMs: 30_000,
  idleMs: 90_000,
  watchSeconds: 300,
  absentMs: 30_000,
  // As long as slices that vanish in masses (MR-73).
  holdMs: 120_000,
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
  readonly project: (
    object: unknown,
  ) => { readonly key: string; readonly value: T; readonly endpoints?: number } | undefined;
  /**
   * All there is now; everything known before is void. Called after every complete list.
   *
   * gone   keys of what was there before and is not any more
   */
  readonly onReplace: (objects: ReadonlyMap<string, T>, gone: readonly string[]) => void;
  /** One object changed; undefined: it is gone. */
  readonly onChange: (key: string, value: T | undefined) => void;
  readonly onState: (state: ReflectorState) => void;
  /**
   * The server was heard, and all that it said before was taken in: an event, a bookmark, a complete
   * list. An open connection proves nothing, since it may have died in silence.
   */
  readonly onHeard?: () => void;
  /**
   * Nothing depends on this kind: where RBAC does not allow reading it, asking once in a while is enough.
   * Otherwise a refusal is a failure like others.
   */
  readonly forgoable?: boolean;
  /** How much may be held; absent: anything. */
  readonly allowance?: Allowance;
  /**
   * Told of how many bytes a change came in. Returns what to wait for before more is read: whoever takes the changes may
   * be slower than the server, and they must not pile up here. undefined: go on.
   */
  readonly pace?: (bytes: number) => Promise<void> | undefined;
  readonly times?: ReflectorTimes;
  readonly clock: Clock;
  readonly random: () => number;
}
