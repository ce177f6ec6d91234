import { asFields, textOf, type Fields } from '../compiler/model/fields.ts';
import type { Log } from '../agent/telling/log.ts';
import type { ClusterApi } from './cluster-api.ts';
import { type Clock, sleep } from '../agent/loop/clock.ts';

export interface ElectionTimes {
  /** A Lease that nobody renewed for so long is free. */
  readonly durationMs: number;
  /** A leader that could not renew for so long leads no more: less than durationMs, so that two never lead at once. */
  readonly deadlineMs: number;
  readonly retryMs: number;
}

export const defaultElectionTimes: ElectionTimes = { durationMs: 15_000, deadlineMs: 10_000, retryMs: 2_000 };

export interface Election {
  isLeading(): boolean;
  /** Who holds the Lease, as it was seen last; '' for nobody. */
  holder(): string;
  /** Goes on until the signal is aborted, then gives the Lease back. */
  run(signal: AbortSignal): Promise<void>;
}

export interface ElectionOptions {
  readonly api: ClusterApi;
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  readonly times: ElectionTimes;
  readonly clock: Clock;
  readonly log: Log;
  /** What the leader leaves to the next one. */
  readonly notes: () => Readonly<Record<string, string>>;
  readonly onNotes: (notes: ReadonlyMap<string, string>) => void;
}

/**
 * Leader election by a Lease. Times in the Lease are never compared with a clock of ours: what counts is when it was
 * last seen to change, so that clocks that differ do no harm. Each write names the version that it replaces, so of
 * two at once one is refused.
 *
 * source: client-go's leader election
 */
export function createElection(options: ElectionOptions): Election {
  const { api, namespace, name, identity, times, clock, log } = options;
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const id = { group: 'coordination.k8s.io', kind: 'Lease', namespace, name };
  let seen: { readonly text: string; readonly atMs: number } | undefined;
  let renewedMs = Number.NEGATIVE_INFINITY;
  let holder = '';
  let isHeld = false;

  const isLeading = (): boolean => isHeld && clock.nowMs() - renewedMs < times.deadlineMs;

  async function attempt(releases = false): Promise<void> {
    const lease = asFields(await api.read(id, 'coordination.k8s.io/v1'));
    const spec = asFields(lease?.spec) ?? {};
    const text = JSON.stringify([spec.holderIdentity, spec.renewTime, spec.leaseTransitions]);
    if (seen?.text !== text) seen = { text, atMs: clock.nowMs() };
    holder = textOf(spec, 'holderIdentity') ?? '';
    const isMine = holder === identity;
    const isFree = holder === '' || clock.nowMs() - seen.atMs >= times.durationMs;
    // Who leads knows better than what it wrote down.
    if (lease !== undefined && !isHeld) options.onNotes(notesIn(lease));
    if (!isMine && (!isFree || releases)) {
      isHeld = false;
      return;
    }
    const startedMs = clock.nowMs();
    const next = leaseOf(spec, lease, releases ? '' : identity, isMine);
    const written =
      lease === undefined ? await api.create(collection, next) : await api.replace(`${collection}/${name}`, next);
    if (written.kind !== 'done') {
      if (written.kind === 'refused') log.error({ lease: `${namespace}/${name}` }, `cannot lead: ${written.problem}`);
      // Somebody else was faster; whether it was, the next look tells.
      if (written.kind === 'conflict') isHeld = false;
      return;
    }
    if (!isHeld && !releases) log.info({ identity, lease: `${namespace}/${name}` }, 'leads from now on');
    isHeld = !releases;
    renewedMs = startedMs;
    holder = releases ? '' : identity;
  }

  function leaseOf(spec: Fields, lease: Fields | undefined, by: string, isMine: boolean): Fields {
    const now = new Date(clock.wallMs()).toISOString().replace('Z', '000Z');
    const transitions = typeof spec.leaseTransitions === 'number' ? spec.leaseTransitions : 0;
    const metadata = asFields(lease?.metadata) ?? {};
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name,
        namespace,
        ...(lease === undefined ? {} : { resourceVersion: metadata.resourceVersion }),
        annotations: { ...asFields(metadata.annotations), ...options.notes() },
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

  return {
    isLeading,
    holder: () => holder,
    async run(signal) {
      while (!signal.aborted) {
        const led = isLeading();
        await attempt().catch((error: unknown) => {
          log.warn({ lease: `${namespace}/${name}` }, `the Lease cannot be looked at: ${String(error)}`);
        });
        if (led && !isLeading()) log.warn({ identity }, 'leads no more');
        await sleep(clock, times.retryMs, signal);
      }
      if (isHeld) await attempt(true).catch(() => {});
      isHeld = false;
    },
  };
}

function notesIn(lease: Fields): ReadonlyMap<string, string> {
  const annotations = asFields(asFields(lease.metadata)?.annotations) ?? {};
  return new Map(Object.entries(annotations).filter((each): each is [string, string] => typeof each[1] === 'string'));
}
