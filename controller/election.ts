import { asFields, textOf, type Fields } from '../compiler/model/fields.ts';
import { printable } from '../compiler/values/object-ref.ts';
import { problemOf } from '../agent/sources/api-problems.ts';
import type { Log } from '../agent/telling/log.ts';
import type { ClusterApi } from './cluster-api.ts';
import { type Clock, sleep } from '../agent/loop/clock.ts';

export interface ElectionTimes {
  /** A Lease that was not renewed for this long is free. */
  readonly durationMs: number;
  /** A leader that could not renew for this long stops leading: less than durationMs, so that two never lead at once. */
  readonly deadlineMs: number;
  readonly retryMs: number;
}

export const defaultElectionTimes: ElectionTimes = { durationMs: 15_000, deadlineMs: 10_000, retryMs: 2_000 };

export interface Election {
  isLeading(): boolean;
  /** Whether the Lease, or its absence, was ever seen. */
  hasLooked(): boolean;
  /** Whether this replica has stood for election once, whatever the result. */
  hasStood(): boolean;
  /** Whether another replica holds the Lease, and has renewed it in time. */
  isLedByAnother(): boolean;
  /** Why the Lease cannot be had; '' if there is no problem. */
  problem(): string;
  /** The Lease's holder when it was last seen; '' if it had none. */
  holder(): string;
  /** Stands for election until the signal is aborted, then gives the Lease back. */
  run(signal: AbortSignal): Promise<void>;
}

export interface ElectionOptions {
  readonly api: ClusterApi;
  readonly namespace: string;
  readonly name: string;
  /** The Lease's cluster, for the log; absent: there is only one. */
  readonly cluster?: string;
  readonly identity: string;
  readonly times: ElectionTimes;
  readonly clock: Clock;
  readonly log: Log;
  /** The leader's notes for the next leader. */
  readonly notes: () => Readonly<Record<string, string>>;
  readonly onNotes: (notes: ReadonlyMap<string, string>) => void;
  /** Whether this replica stands for election now, or only looks; absent: always. */
  readonly stands?: () => boolean;
  /** Whether another replica has precedence, and gets the Lease whenever both can have it; absent: all are equal. */
  readonly rank?: () => Rank;
}

/** first: asks for the Lease; second: leaves it to the replica with precedence; alone: no replica is known to have precedence. */
export type Rank = 'first' | 'second' | 'alone';

/**
 * Leader election by a Lease. Times in the Lease are never compared with the local clock: only the time since it was
 * last seen to change counts, so clocks that differ do no harm. Each write names the version that it replaces, so of
 * two writes at once one is rejected.
 *
 * If a replica has precedence, the others leave it time to take a free Lease. If another one holds the Lease already, the
 * replica with precedence writes its wish into it, once it has reached the server for as long as a Lease lasts. The holder
 * then gives the Lease back, and does not stand for that long.
 *
 * source: client-go's leader election
 */
export function createElection(options: ElectionOptions): Election {
  const { api, namespace, name, identity, times, clock, log } = options;
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const id = { group: 'coordination.k8s.io', kind: 'Lease', namespace, name };
  const where = {
    lease: `${namespace}/${name}`,
    ...(options.cluster === undefined ? {} : { cluster: options.cluster }),
  };
  let seen: { readonly text: string; readonly atMs: number } | undefined;
  let renewedMs = Number.NEGATIVE_INFINITY;
  let holder = '';
  let isHeld = false;
  /** This replica gave the Lease to another, which has not taken it yet. */
  let isYielding = false;
  /** Since when the server has answered every request. */
  let reachedMs: number | undefined;
  /** Since when this replica stands for election. */
  let stoodMs: number | undefined;
  let hasStood = false;
  let problem = '';
  /** Why the server does not let it lead, as of this look. */
  let refusal = '';

  const isLeading = (): boolean => isHeld && clock.nowMs() - renewedMs < times.deadlineMs;

  function patienceMs(): number {
    if (isYielding) return times.durationMs;
    return options.rank?.() === 'second' ? 2 * times.retryMs : 0;
  }

  async function attempt(stands: boolean, ends = false): Promise<void> {
    const lease = asFields(await api.read(id, 'coordination.k8s.io/v1'));
    reachedMs ??= clock.nowMs();
    const spec = asFields(lease?.spec) ?? {};
    const text = JSON.stringify([spec.holderIdentity, spec.renewTime, spec.leaseTransitions]);
    if (seen?.text !== text) seen = { text, atMs: clock.nowMs() };
    holder = textOf(spec, 'holderIdentity') ?? '';
    const isMine = holder === identity;
    if (!isMine && holder !== '') isYielding = false;
    if (stands) stoodMs ??= clock.nowMs();
    const freeMs = Math.max(seen.atMs + (holder === '' ? 0 : times.durationMs), stoodMs ?? 0);
    const isFree = clock.nowMs() - freeMs >= patienceMs();
    const wish = textOf(asFields(asFields(lease?.metadata)?.annotations) ?? {}, wishNote) ?? '';
    const yields = isMine && wish !== '' && wish !== identity && options.rank?.() !== 'first';
    const releases = ends || yields;
    // While this replica leads, its own notes are newer than those in the Lease.
    if (lease !== undefined && !isHeld) options.onNotes(notesIn(lease));
    if (!stands || (!isMine && (!isFree || releases))) {
      isHeld = false;
      const mayAsk = stands && !releases && lease !== undefined && clock.nowMs() - reachedMs >= times.durationMs;
      if (mayAsk && wish !== identity && options.rank?.() === 'first') await ask(lease);
      return;
    }
    // Stops leading before the write, because afterwards another replica may begin.
    if (releases) isHeld = false;
    if (yields) isYielding = true;
    const startedMs = clock.nowMs();
    const next = leaseOf(spec, lease, releases ? '' : identity, isMine);
    const written =
      lease === undefined ? await api.create(collection, next) : await api.replace(`${collection}/${name}`, next);
    if (written.kind !== 'done') {
      if (written.kind === 'refused') refusal = `cannot lead: ${written.problem}`;
      // Another write was faster; the next look shows whether it took the Lease.
      if (written.kind === 'conflict') isHeld = false;
      return;
    }
    if (!isHeld && !releases) log.info({ identity, ...where }, 'is now the leader');
    if (yields) log.info({ identity, ...where, to: wish }, 'hands the Lease to a preferred replica');
    isHeld = !releases;
    if (isHeld) isYielding = false;
    renewedMs = startedMs;
    holder = releases ? '' : identity;
  }

  /** Writes the wish into another's Lease, and changes nothing else in it. A conflict means that the holder renewed it. */
  async function ask(lease: Fields): Promise<void> {
    const metadata = asFields(lease.metadata) ?? {};
    const annotations = { ...asFields(metadata.annotations), [wishNote]: identity };
    await api.replace(`${collection}/${name}`, { ...lease, metadata: { ...metadata, annotations } });
  }

  function leaseOf(spec: Fields, lease: Fields | undefined, by: string, isMine: boolean): Fields {
    const now = new Date(clock.wallMs()).toISOString().replace('Z', '000Z');
    const transitions = typeof spec.leaseTransitions === 'number' ? spec.leaseTransitions : 0;
    const metadata = asFields(lease?.metadata) ?? {};
    const { [wishNote]: _wish, ...annotations } = asFields(metadata.annotations) ?? {};
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name,
        namespace,
        ...(lease === undefined ? {} : { resourceVersion: metadata.resourceVersion }),
        annotations: { ...annotations, ...options.notes() },
      },
      spec: {
        holderIdentity: by,
        leaseDurationSeconds: Math.max(1, Math.round(times.durationMs / 1000)),
        acquireTime: isMine ? spec.acquireTime : now,
        renewTime: now,
        leaseTransitions: isMine || lease === undefined ? transitions : transitions + 1,
      },
    };
  }

  /** Logs each problem once, until it changes. */
  function tell(level: 'warn' | 'error', found: string): void {
    if (found !== problem && found !== '') log[level](where, found);
    problem = found;
  }

  async function look(): Promise<void> {
    const stands = options.stands?.() !== false;
    try {
      refusal = '';
      await attempt(stands);
      tell('error', refusal);
    } catch (error) {
      reachedMs = undefined;
      tell('warn', `cannot read the Lease: ${printable(problemOf(error), 500)}`);
    }
    hasStood ||= stands;
  }

  return {
    isLeading,
    hasLooked: () => seen !== undefined,
    hasStood: () => hasStood,
    problem: () => problem,
    isLedByAnother: () =>
      holder !== '' && holder !== identity && seen !== undefined && clock.nowMs() - seen.atMs < times.durationMs,
    holder: () => holder,
    async run(signal) {
      while (!signal.aborted) {
        const led = isLeading();
        await look();
        if (led && !isLeading()) log.warn({ identity, ...where }, 'is no longer the leader');
        await sleep(clock, hasStood ? times.retryMs : Math.min(times.retryMs, standMs), signal);
      }
      if (isHeld) await attempt(true, true).catch(() => {});
      isHeld = false;
    },
  };
}

/** Annotation: the replica with precedence that wants the Lease. */
const wishNote = 'slicewright.dev/wanted-by';
/** How often a replica that does not stand yet checks whether it may. */
const standMs = 1_000;

function notesIn(lease: Fields): ReadonlyMap<string, string> {
  const annotations = asFields(asFields(lease.metadata)?.annotations) ?? {};
  return new Map(Object.entries(annotations).filter((each): each is [string, string] => typeof each[1] === 'string'));
}
