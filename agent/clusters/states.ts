import {
  defaultLeaseTimes,
  type LeaseMemory,
  type LeaseTimes,
  nextLease,
  unknownLease,
} from '../../compiler/registry/lease.ts';
import type { ClusterState, RegisteredCluster, Registry } from '../../compiler/registry/registry.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { formatObjectRef } from '../../compiler/values/object-ref.ts';
import type { SeenLease } from './leases.ts';
import type { Report } from '../telling/agent-event.ts';
import { type Hearing, type SourceStatus, unheard } from '../sources/board.ts';

/** A cluster that has been silent for this long still counts as alive: API servers send at least a bookmark a minute. */
const contactMs = 120_000;
/** Leases that could not be read for this long are no witness if there is another one. */
const blindMs = 300_000;

export interface ContactTimes extends LeaseTimes {
  /** For how long one successful contact counts. */
  readonly durationMs: number;
  readonly lookMs: number;
}

export const defaultContactTimes: ContactTimes = { ...defaultLeaseTimes, durationMs: 20_000, lookMs: 5_000 };

/** What is known of a registered cluster, for status and metrics. */
export interface ClusterStanding {
  readonly cluster: ClusterName;
  readonly state: ClusterState;
  /** The evidence for the state, for people. */
  readonly why: string;
  /** Time since the Lease was last seen to change, or since the API server last sent something; undefined: neither is known. */
  readonly ageMs: number | undefined;
}

/** The assumed states of other clusters. */
export interface ClusterStates {
  /** Looks at the witnesses. Returns the registry with new states if one changed. */
  look(statuses: readonly SourceStatus[]): Registry | undefined;
  /** Replaces the registry from the next look on, which returns it. What is known of clusters that it keeps stays. */
  register(registry: Registry): void;
  /** All other clusters of the registry that are not removed, as of the last look. */
  standings(): readonly ClusterStanding[];
}

/** The Leases of clusters, and how reliably they are read. */
export interface LeaseWitness {
  readonly of: (cluster: RegisteredCluster) => SeenLease | undefined;
  readonly hearing: () => Hearing;
}

const noLeases: LeaseWitness = { of: () => undefined, hearing: () => unheard };

interface Judgement {
  readonly memory: LeaseMemory;
  /** Time that counts for this cluster: the time during which one of its witnesses could be heard. */
  readonly clockMs: number;
  /** How long the last renewal is valid. */
  readonly durationMs: number;
  /** The stamp of the Lease at the last look. */
  readonly stamp: string | undefined;
}

const noJudgement: Judgement = { memory: unknownLease, clockMs: 0, durationMs: 0, stamp: undefined };

/** The time since the previous look. */
interface Passed {
  readonly ms: number;
  /** The part of it during which Leases could be read. */
  readonly knownMs: number;
  readonly isBlind: boolean;
}

/** What is known of a cluster at one look. */
interface Evidence {
  readonly contact: SourceStatus | undefined;
  readonly lease: SeenLease | undefined;
}

/**
 * A registered cluster has up to two witnesses, and both renew one assumed lease: the cluster's Lease in the local
 * cluster, renewed by a controller that reaches the cluster; and the agent's contact with its API server, if the
 * agent has it as a source. Both witness the same fact: somebody reaches that cluster. So a sign of life from
 * either counts, and the silence of one proves nothing while the other is heard: the silent one may itself be dead.
 * Because both renew one lease, its times (lease.ts, MR-74) keep their disagreement from causing oscillation.
 *
 *   contact      each message from the API server; a kind that cannot be read is none
 *   Lease        each change of its stamp. Its time passes only while Leases can be read: while the local API
 *                server is away no controller can renew a Lease, so no cluster is lost because of that (MR-76)
 *   no witness   the state that the registry gives; a cluster whose witnesses disappear is not lost because of that,
 *                and is alive again after the settle time (MR-70, MR-74)
 *
 * The registry's policy decides what happens to a lost cluster's endpoints. Without a registry no cluster is
 * judged: lost contact says little about pods, so an operator has to ask for acting on it.
 */
export function createClusterStates(
  first: Registry,
  nowMs: () => number,
  report: Report,
  times: ContactTimes = defaultContactTimes,
  leases: LeaseWitness = noLeases,
): ClusterStates {
  let registry = first;
  let judged = judgedIn(registry);
  let isNew = false;
  const judgements = new Map<ClusterName, Judgement>();
  let evidences = new Map<ClusterName, Evidence>();
  let renewals = 0;
  let lookedMs = nowMs();
  let lookedKnownMs = 0;

  function passed(): Passed {
    const now = nowMs();
    const { knownMs, silentMs } = leases.hearing();
    const since = { ms: now - lookedMs, knownMs: knownMs - lookedKnownMs };
    lookedMs = now;
    lookedKnownMs = knownMs;
    return { ...since, isBlind: silentMs === undefined || silentMs >= blindMs };
  }

  function judge(before: Judgement, { contact, lease }: Evidence, { ms, knownMs, isBlind }: Passed): Judgement {
    const stamp = lease?.lease.stamp;
    const next = (afterMs: number, renewal: string | undefined, durationMs: number): Judgement => {
      const clockMs = before.clockMs + afterMs;
      const memory = nextLease(before.memory, { stamp: renewal, durationMs, nowMs: clockMs }, times);
      return { memory, clockMs, durationMs, stamp };
    };
    const renewed = (afterMs: number, durationMs: number) => next(afterMs, String(renewals++), durationMs);
    const silent = (afterMs: number) => next(afterMs, undefined, before.durationMs);

    if (contact !== undefined && isInTouch(contact)) return renewed(ms, times.durationMs);
    if (lease !== undefined && stamp !== before.stamp) return renewed(knownMs, lease.lease.durationMs);
    if (lease !== undefined && (contact === undefined || !isBlind)) return silent(knownMs);
    // A cluster without any witness is not lost because of that.
    return contact === undefined ? renewed(ms, times.durationMs) : silent(ms);
  }

  function standingOf({ id, state }: RegisteredCluster): ClusterStanding {
    const { contact, lease } = evidences.get(id) ?? { contact: undefined, lease: undefined };
    const known = judgements.get(id)?.memory.state ?? 'Unknown';
    const ageMs = lease === undefined ? contact?.silentMs : nowMs() - lease.changedMs;
    return { cluster: id, state: known === 'Unknown' ? state : known, why: whyOf(contact, lease, ageMs), ageMs };
  }

  return {
    look(statuses) {
      let changed = isNew;
      isNew = false;
      const since = passed();
      const now = new Map<ClusterName, Evidence>();
      for (const cluster of judged) {
        const { id, aliases } = cluster;
        const contact = statuses.find(({ cluster: name }) => name === id || (name && aliases.includes(name)));
        const evidence: Evidence = { contact, lease: leases.of(cluster) };
        const hasWitness = contact !== undefined || evidence.lease !== undefined;
        const before = judgements.get(id);
        if (!hasWitness && before === undefined) continue;
        now.set(id, evidence);
        const after = judge(before ?? noJudgement, evidence, since);
        const isOver = !hasWitness && after.memory.state === 'Alive';
        if (isOver) judgements.delete(id);
        else judgements.set(id, after);
        if (!isOver && after.memory.state === (before?.memory.state ?? 'Unknown')) continue;
        changed = true;
        evidences.set(id, evidence);
        const { state, why, ageMs } = standingOf(cluster);
        report({ kind: 'lease', cluster: id, state, why, ageMs: ageMs ?? 0 });
      }
      evidences = now;
      if (!changed) return undefined;
      const states = new Map(judged.map((cluster) => [cluster.id, standingOf(cluster).state]));
      return {
        ...registry,
        clusters: registry.clusters.map((one) => ({ ...one, state: states.get(one.id) ?? one.state })),
      };
    },
    register(next) {
      registry = next;
      judged = judgedIn(next);
      isNew = true;
      const ids = new Set(judged.map(({ id }) => id));
      for (const id of judgements.keys()) if (!ids.has(id)) judgements.delete(id);
    },
    standings: () => judged.map(standingOf),
  };
}

function judgedIn({ clusters }: Registry): RegisteredCluster[] {
  return clusters.filter(({ self, removed }) => !self && !removed);
}

function isInTouch({ synced, failing, silentMs }: SourceStatus): boolean {
  return synced && failing.length === 0 && (silentMs ?? contactMs) < contactMs;
}

function whyOf(contact: SourceStatus | undefined, lease: SeenLease | undefined, ageMs: number | undefined): string {
  const witnesses = [
    lease && `${formatObjectRef(lease.lease.ref)} last changed ${seconds(ageMs)} ago`,
    contact && contactText(contact),
  ].filter((text) => text !== undefined);
  return witnesses.length === 0 ? 'as the registry says' : witnesses.join('; ');
}

function contactText({ synced, failing, silentMs }: SourceStatus): string {
  if (!synced) return 'its API server has not been read yet';
  if (failing.length > 0) return `its API server cannot be read: ${failing.map(({ kind }) => kind).join(', ')}`;
  return silentMs === undefined
    ? 'its API server has sent nothing'
    : `its API server last answered ${seconds(silentMs)} ago`;
}

function seconds(ms: number | undefined): string {
  return `${Math.round((ms ?? 0) / 1000)} s`;
}
