import type { Log } from '../agent/telling/log.ts';
import type { Clock } from '../agent/loop/clock.ts';
import type { Cluster } from './cluster.ts';
import { desire, type Topic } from './core/desire.ts';
import { type Change, differenceOf, type Memory, type Withheld } from './core/difference.ts';
import type { Desired, DesiredStatus, Outcome } from './core/draft.ts';
import { idText, isOfKind, kinds } from './core/kinds.ts';
import { problemKey, type Target, type World } from './core/world.ts';
import { statusDiffers } from './status-difference.ts';
import { createToldEvents } from './told-events.ts';

export interface ReconcilerOptions {
  readonly clusterAt: (target: Target) => Cluster | undefined;
  /** The present knowledge. Failed writes are added to its `problems`. */
  readonly world: () => World;
  readonly isHeld: Memory['isHeld'];
  /** Whether this replica writes there now. */
  readonly leads: (target: Target) => boolean;
  /** Why no replica writes there; '' if one will soon; undefined: one does. */
  readonly vacancy: (target: Target) => string | undefined;
  /** Called with what a topic wants, before anything of it is written. Not called while the hub is away. */
  readonly onDesired: (topic: Topic, desired: readonly Desired[]) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly identity: string;
  readonly onLatency?: (ms: number) => void;
}

/** A topic's state after a round: nothing is left to do, more has to be written now, or something failed. */
export type Round = 'settled' | 'more' | 'failed';

/** Brings one topic into its desired state, in every cluster. */
export interface Reconciler {
  reconcile(topic: Topic, signal: AbortSignal): Promise<Round>;
  /** By `cluster id`: why the last write failed. */
  readonly problems: ReadonlyMap<string, string>;
  readonly withheld: ReadonlyMap<Topic, readonly Withheld[]>;
  /** Another replica writes there now, and knows its own failures. */
  left(target: Target): void;
}

export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { clusterAt, clock, log, leads } = options;
  const told = createToldEvents(clock, options.identity);
  const problems = new Map<string, string>();
  const withheld = new Map<Topic, readonly Withheld[]>();
  const wantedKeys = new Map<Topic, ReadonlySet<string>>();

  /** Computes the changes for a topic in the clusters where this replica writes. */
  function decide(topic: Topic): Decision {
    const world = options.world();
    const outcome = desire(world, topic);
    if (!world.isHubAway) options.onDesired(topic, outcome.desired);
    const difference = differenceOf(world, topic, outcome, {
      isAccepted: (target, object, content) => clusterAt(target)?.writer.isAccepted(object, content) === true,
      isHeld: options.isHeld,
    });
    const kept = difference.withheld.filter(({ why, target }) => why !== 'kept' && leads(target));
    if (kept.length > 0) withheld.set(topic, kept);
    else withheld.delete(topic);
    const changes = difference.changes.filter((change) => leads(targetOf(change)));
    const isWaiting = difference.changes.some((change) => options.vacancy(targetOf(change)) === '');
    return { world, outcome, changes, isWaiting };
  }

  async function reconcile(topic: Topic, signal: AbortSignal): Promise<Round> {
    const startedMs = clock.nowMs();
    const { world, changes } = decide(topic);
    // A given address is only valid as long as no other replica gives addresses away.
    const isStill = () => !world.givesIps || options.world().givesIps;
    const write: Write = (cluster, change) =>
      !signal.aborted && leads(cluster.target) && (isStill() || !isImport(change))
        ? perform(cluster, change, signal)
        : Promise.resolve(false);
    const targets = Map.groupBy(changes, targetOf);
    const done = await Promise.all([...targets].map(([target, each]) => writeIn(target, each, write)));
    if (signal.aborted) return 'settled';
    if (changes.length > 0) options.onLatency?.(clock.nowMs() - startedMs);
    const { outcome, changes: more, isWaiting } = decide(topic);
    forgetProblems(topic, outcome.desired);
    // Another replica is about to write there, so conditions written now would be wrong in a moment.
    if (isWaiting) return 'failed';
    const isTold = await tell(topic, outcome);
    if (!done.every(Boolean) || !isTold) return 'failed';
    return more.length === 0 ? 'settled' : 'more';
  }

  /** Applies in order of need, then deletes; nothing is deleted if something could not be applied. */
  async function writeIn(target: Target, changes: readonly Change[], write: Write): Promise<boolean> {
    const cluster = clusterAt(target);
    if (cluster === undefined) return true;
    const phases = [
      changes.filter(
        (change) =>
          change.kind === 'apply' && !isOfKind(change.desired.id, kinds.slice) && change.desired.owner === undefined,
      ),
      changes.filter(
        (change) =>
          change.kind === 'apply' && !isOfKind(change.desired.id, kinds.slice) && change.desired.owner !== undefined,
      ),
      changes.filter((change) => change.kind === 'apply' && isOfKind(change.desired.id, kinds.slice)),
      changes.filter((change) => change.kind === 'delete'),
    ];
    for (const phase of phases) {
      const written = await Promise.all(phase.map((change) => write(cluster, change)));
      if (!written.every(Boolean)) return false;
    }
    return true;
  }

  async function perform(cluster: Cluster, change: Change, signal: AbortSignal): Promise<boolean> {
    const id = change.kind === 'apply' ? change.desired.id : change.object;
    const key = problemKey(cluster.target, idText(id));
    const written = await cluster.writer.perform(change);
    if (written.kind === 'done' || written.kind === 'gone') {
      problems.delete(key);
      log.debug({ cluster: cluster.target, object: idText(id) }, change.kind === 'apply' ? 'applied' : 'deleted');
      return true;
    }
    if (problems.get(key) !== written.problem && !signal.aborted) {
      log.warn(
        { cluster: cluster.target, object: idText(id), outcome: written.kind },
        `cannot ${change.kind} it: ${written.problem}`,
      );
    }
    problems.set(key, written.problem);
    return false;
  }

  /** Forgets problems with objects that are not wanted any more. */
  function forgetProblems(topic: Topic, desired: readonly Desired[]): void {
    const keys = new Set(desired.map(({ target, id }) => problemKey(target, idText(id))));
    for (const key of wantedKeys.get(topic) ?? []) if (!keys.has(key)) problems.delete(key);
    wantedKeys.set(topic, keys);
    if (keys.size === 0) wantedKeys.delete(topic);
  }

  /** Writes conditions and Events, after everything that can be written was. */
  async function tell(topic: Topic, { statuses, events }: Outcome): Promise<boolean> {
    const written = await Promise.all(statuses.filter(({ target }) => leads(target)).map(tellStatus));
    const news = told.news(
      topic,
      events.filter(({ target }) => leads(target)),
    );
    for (const { target, path, object } of news) {
      const cluster = clusterAt(target);
      if (cluster === undefined || cluster.cache.access !== 'live') continue;
      // Sent once without a retry, because conditions hold the important facts.
      void cluster.gate
        .through(() => cluster.api.create(path, object))
        .then((sent) => {
          if (sent.kind !== 'done')
            log.debug({ cluster: target, outcome: sent.kind }, 'the API server did not accept an Event');
        });
    }
    return written.every(Boolean);
  }

  async function tellStatus(status: DesiredStatus): Promise<boolean> {
    const cluster = clusterAt(status.target);
    const object = cluster?.cache.get(status.id);
    if (cluster === undefined || object === undefined || cluster.cache.access !== 'live') return true;
    if (!cluster.cache.takesWrites || !statusDiffers(object, status)) return true;
    const written = await cluster.writer.writeStatus(status);
    // A kind without a status, as in another project's CRD, is no reason to try again.
    if (written.kind === 'done' || written.kind === 'refused') return true;
    log.debug(
      { cluster: status.target, object: idText(status.id), outcome: written.kind },
      'its status could not be written',
    );
    return false;
  }

  return {
    reconcile,
    problems,
    withheld,
    left(target) {
      for (const key of problems.keys()) if (key.startsWith(problemKey(target, ''))) problems.delete(key);
    },
  };
}

interface Decision {
  readonly world: World;
  readonly outcome: Outcome;
  readonly changes: readonly Change[];
  /** In some cluster no replica writes yet. */
  readonly isWaiting: boolean;
}

/** Makes a change, if that is still allowed. Returns whether it is done. */
type Write = (cluster: Cluster, change: Change) => Promise<boolean>;

function targetOf(change: Change): Target {
  return change.kind === 'apply' ? change.desired.target : change.target;
}

function isImport(change: Change): boolean {
  return change.kind === 'apply' && isOfKind(change.desired.id, kinds.serviceImport);
}
