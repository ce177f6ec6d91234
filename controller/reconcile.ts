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
  /** What is known now. Writes that could not be made are added to `problems` of it. */
  readonly world: () => World;
  readonly isHeld: Memory['isHeld'];
  readonly isLeading: () => boolean;
  /** What a topic wants, before anything of it is written. */
  readonly onDesired: (topic: Topic, desired: readonly Desired[]) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly identity: string;
  readonly onLatency?: (ms: number) => void;
}

/** How it stands with a topic after a round: all is as it should be, there is more to write now, or something failed. */
export type Round = 'settled' | 'more' | 'failed';

/** Makes one topic so as it should be, in every cluster. */
export interface Reconciler {
  reconcile(topic: Topic, signal: AbortSignal): Promise<Round>;
  /** By `cluster id`: why the last write failed. */
  readonly problems: ReadonlyMap<string, string>;
  readonly withheld: ReadonlyMap<Topic, readonly Withheld[]>;
}

export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { clusterAt, clock, log, isLeading } = options;
  const told = createToldEvents(clock, options.identity);
  const problems = new Map<string, string>();
  const withheld = new Map<Topic, readonly Withheld[]>();
  const wantedKeys = new Map<Topic, ReadonlySet<string>>();

  function decide(topic: Topic): { readonly outcome: Outcome; readonly changes: readonly Change[] } {
    const now = options.world();
    const outcome = desire(now, topic);
    options.onDesired(topic, outcome.desired);
    const difference = differenceOf(now, topic, outcome, {
      isAccepted: (target, object, content) => clusterAt(target)?.writer.isAccepted(object, content) === true,
      isHeld: options.isHeld,
    });
    const kept = difference.withheld.filter(({ why }) => why !== 'kept');
    if (kept.length > 0) withheld.set(topic, kept);
    else withheld.delete(topic);
    return { outcome, changes: difference.changes };
  }

  async function reconcile(topic: Topic, signal: AbortSignal): Promise<Round> {
    const startedMs = clock.nowMs();
    const { changes } = decide(topic);
    const targets = Map.groupBy(changes, (change) => (change.kind === 'apply' ? change.desired.target : change.target));
    const done = await Promise.all([...targets].map(([target, each]) => writeIn(target, each, signal)));
    if (signal.aborted) return 'settled';
    // To be decided anew by then, if it leads again.
    if (!isLeading()) return 'more';
    if (changes.length > 0) options.onLatency?.(clock.nowMs() - startedMs);
    const { outcome, changes: more } = decide(topic);
    forgetProblems(topic, outcome.desired);
    const isTold = await tell(topic, outcome);
    if (!done.every(Boolean) || !isTold) return 'failed';
    return more.length === 0 ? 'settled' : 'more';
  }

  /** Applies in order of need, then deletes; nothing is deleted where something could not be applied. */
  async function writeIn(target: Target, changes: readonly Change[], signal: AbortSignal): Promise<boolean> {
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
      const written = await Promise.all(phase.map((change) => write(cluster, change, signal)));
      if (!written.every(Boolean)) return false;
    }
    return true;
  }

  async function write(cluster: Cluster, change: Change, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted || !isLeading()) return false;
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

  /** A problem with what nobody wants any more is none. */
  function forgetProblems(topic: Topic, desired: readonly Desired[]): void {
    const keys = new Set(desired.map(({ target, id }) => problemKey(target, idText(id))));
    for (const key of wantedKeys.get(topic) ?? []) if (!keys.has(key)) problems.delete(key);
    wantedKeys.set(topic, keys);
    if (keys.size === 0) wantedKeys.delete(topic);
  }

  /** Conditions and Events, once what can be written is. */
  async function tell(topic: Topic, { statuses, events }: Outcome): Promise<boolean> {
    const written = await Promise.all(statuses.map((status) => tellStatus(status)));
    for (const { target, path, object } of told.news(topic, events)) {
      const cluster = clusterAt(target);
      if (cluster === undefined || cluster.cache.access !== 'live') continue;
      // Worth one try: what counts stands in the conditions.
      void cluster.gate
        .through(() => cluster.api.create(path, object))
        .then((sent) => {
          if (sent.kind !== 'done') log.debug({ cluster: target, outcome: sent.kind }, 'an Event was not taken');
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
    // A kind without a status, as somebody else's CRD may have it, is no reason to try again.
    if (written.kind === 'done' || written.kind === 'refused') return true;
    log.debug(
      { cluster: status.target, object: idText(status.id), outcome: written.kind },
      'its status was not written',
    );
    return false;
  }

  return { reconcile, problems, withheld };
}
