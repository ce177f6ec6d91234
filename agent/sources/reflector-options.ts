import type { Allowance } from './quota.ts';
import type { Clock } from '../loop/clock.ts';
import type { ApiGet } from './api.ts';
import type { BackoffTimes } from './backoff.ts';

export type ReflectorState =
  /** The kind was never listed: nothing is known about the cluster. */
  | { readonly kind: 'starting' }
  /** Listed, and a watch is open (or was until a moment ago and is being renewed). */
  | { readonly kind: 'live' }
  /** The kind cannot be read now; what was read before stays valid. */
  | { readonly kind: 'failing'; readonly problem: string; readonly overLimit?: true }
  /** The API server does not know the kind: no object of it exists. */
  | { readonly kind: 'absent' };

export interface ReflectorTimes {
  /** Waits between attempts. A watch that stays open for longer than the longest wait counts as good. */
  readonly backoff: BackoffTimes;
  /** If a list's page or the head of a watch takes longer, the attempt is given up. */
  readonly answerMs: number;
  /** A watch that is silent for this long is taken for dead. API servers send a bookmark a minute. */
  readonly idleMs: number;
  /** How long the server is asked to keep a watch open. */
  readonly watchSeconds: number;
  /** How soon an absent kind is asked for again. */
  readonly absentMs: number;
  /** How long objects stay when the server suddenly does not know their kind any more. */
  readonly holdMs: number;
}

export const defaultReflectorTimes: ReflectorTimes = {
  backoff: { firstMs: 200, maxMs: 5_000 },
  answerMs: 30_000,
  idleMs: 90_000,
  watchSeconds: 300,
  absentMs: 30_000,
  // As long as slices that vanish in large numbers are held (MR-73).
  holdMs: 120_000,
};

export interface ReflectorOptions<T> {
  readonly get: ApiGet;
  /** `/apis/discovery.k8s.io/v1/endpointslices`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** A kind that need not exist (a CRD): 404 then means that it has no objects. For other kinds 404 is a failure. */
  readonly optional: boolean;
  /**
   * The kept part of an object, and its key; undefined: nothing is kept. Reducing on arrival
   * keeps memory small: an object as it arrives is mostly managedFields.
   */
  readonly project: (
    object: unknown,
  ) => { readonly key: string; readonly value: T; readonly endpoints?: number } | undefined;
  /**
   * All objects of the kind; everything known before is void. Called after every complete list.
   *
   * gone   keys of objects that existed before and do not any more
   */
  readonly onReplace: (objects: ReadonlyMap<string, T>, gone: readonly string[]) => void;
  /** One object changed; undefined: it was deleted. */
  readonly onChange: (key: string, value: T | undefined) => void;
  readonly onState: (state: ReflectorState) => void;
  /**
   * The server was heard, and everything that it said before was taken in: an event, a bookmark, a complete
   * list. An open connection proves nothing, because it may have died silently.
   */
  readonly onHeard?: () => void;
  /**
   * The agent can work without this kind: if RBAC does not allow reading it, it is asked for only once in a while.
   * For other kinds a refusal is a failure.
   */
  readonly forgoable?: boolean;
  /** The limits; absent: there are none. */
  readonly allowance?: Allowance;
  /**
   * Called with the size of a change in bytes. Returns a promise to wait for before reading more: the receiver of changes
   * may be slower than the server, and changes must not pile up here. undefined: go on.
   */
  readonly pace?: (bytes: number) => Promise<void> | undefined;
  readonly times?: ReflectorTimes;
  readonly clock: Clock;
  readonly random: () => number;
}
