import { type ClusterName, compareText } from '../compiler/values/names.ts';
import { backoffMs } from '../agent/sources/backoff.ts';
import type { Log } from '../agent/telling/log.ts';
import type { Cluster, ClusterNews } from './cluster.ts';
import { type Clock, sleep } from '../agent/loop/clock.ts';
import { timeText } from './time-text.ts';
import type { Topic } from './core/desire.ts';
import type { Withheld } from './core/difference.ts';
import { isOurs, marks } from './core/marks.ts';
import type { Held } from './core/object.ts';
import { type ClusterView, type ControllerSettings, hub, type Target, type World } from './core/world.ts';
import { hasNoSlices } from './fresh-slices.ts';
import { createGivenIps } from './given-ips.ts';
import { createHolds } from './holds.ts';
import { createReconciler } from './reconcile.ts';
import { createTopicQueue } from './topic-queue.ts';

export interface LoopTimes {
  readonly gatherMs: number;
  readonly gatherMaxMs: number;
  readonly retry: { readonly firstMs: number; readonly maxMs: number };
  /** How long unreadable clusters may delay the others at the start. */
  readonly startMs: number;
  /** How long deletions that look like a mistake are held. */
  readonly holdMs: number;
  /** How often everything is decided again. */
  readonly resyncMs: number;
}

export const defaultLoopTimes: LoopTimes = {
  gatherMs: 500,
  gatherMaxMs: 2_000,
  retry: { firstMs: 500, maxMs: 60_000 },
  startMs: 30_000,
  holdMs: 120_000,
  resyncMs: 600_000,
};

export interface LoopOptions {
  readonly hub: Cluster | undefined;
  /** The map changes as clusters are registered; `registered` is called then. */
  readonly members: ReadonlyMap<ClusterName, Cluster>;
  /** Whether all clusters are known. Nothing is decided before. */
  readonly isRegistryKnown: () => boolean;
  readonly settings: ControllerSettings;
  readonly times: LoopTimes;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly identity: string;
  /** Whether this replica writes there now. */
  readonly leads: (target: Target) => boolean;
  /** Whether this replica gives away clusterset IPs now. */
  readonly givesIps: () => boolean;
  /** Whether the last leader's notes are known: until then no content of a hub is trusted. */
  readonly isHomeKnown: () => boolean;
  /** Why no replica writes in a cluster; '' if one will soon; undefined: one does. */
  readonly vacancy: (target: Target) => string | undefined;
  /** Whether this replica has stood for election wherever it can write. */
  readonly hasStood: () => boolean;
  /** Called when everything was decided since this replica began to write in a cluster, so that it matches its sources. */
  readonly onCaughtUp: () => void;
  readonly onLatency?: (ms: number) => void;
}

/** The loop's state, for people and metrics. */
export interface LoopReport {
  readonly isStarted: boolean;
  readonly waiting: number;
  readonly problems: ReadonlyMap<string, string>;
  readonly withheld: ReadonlyMap<Topic, readonly Withheld[]>;
  readonly held: ReadonlyMap<ClusterName, number>;
  /** When the loop last made a round. */
  readonly aliveMs: number;
}

export interface Loop extends ClusterNews {
  run(signal: AbortSignal): Promise<void>;
  /** Members came or went. */
  registered(): void;
  /** Whether this replica writes there, and everything was decided since it began to. */
  hasCaughtUp(target: Target): boolean;
  report(): LoopReport;
}

/** The most topics in progress at a time. Each cluster's gate limits what that cluster gets. */
const maxTopics = 64;
/** How often the loop checks what no event reports: holds, leadership. */
const lookMs = 1_000;
const quickRounds = 5;

/**
 * Decides topic by topic, and writes what differs. Events only say which topics to look at; the work is
 * always the difference between the desired and the present state, so a crash at any point loses nothing, and
 * nothing is written twice.
 */
export function createLoop(options: LoopOptions): Loop {
  const { members, settings, times, clock, log, leads } = options;
  const clusters = (): readonly Cluster[] =>
    options.hub === undefined ? [...members.values()] : [options.hub, ...members.values()];
  const clusterAt = (target: Target): Cluster | undefined => (target === hub ? options.hub : members.get(target));
  const memberViews = new Map<ClusterName, ClusterView>();
  viewMembers();
  const queue = createTopicQueue(times);
  const ips = createGivenIps();
  const failures = new Map<Topic, number>();
  /** How many rounds in a row left something to write. */
  const rounds = new Map<Topic, number>();
  const running = new Set<Topic>();
  const holds = createHolds(memberViews, () => clusters().map(({ cache }) => cache), clock.nowMs, times);
  const reconciler = createReconciler({
    ...{ clusterAt, world, clock, log, leads, vacancy: options.vacancy, identity: options.identity },
    isHeld: (source) => holds.isHeld(source),
    onDesired(topic, desired) {
      // Without a range, as usual, no address is given away.
      if (settings.clusterSetIpRanges.length > 0) ips.keep(topic, desired);
    },
    ...(options.onLatency === undefined ? {} : { onLatency: options.onLatency }),
  });
  const { withheld } = reconciler;
  /** The clusters to which this replica wrote at the last look. */
  let led: ReadonlySet<Target> = new Set();
  /** The clusters to which it writes only since a short time, with the topics not decided since. */
  const behind = new Map<Target, Set<Topic>>();
  let hasStood = false;
  let wasAway = false;
  let resyncMs = clock.nowMs() + times.resyncMs;
  let isStarted = false;
  let aliveMs = clock.nowMs();
  let wake: () => void = () => {};

  const isBusy = (topic: Topic): boolean => running.has(topic);

  function viewMembers(): void {
    memberViews.clear();
    for (const [name, { cache }] of [...members].sort(([a], [b]) => compareText(a, b))) memberViews.set(name, cache);
  }

  const isHubAway = (): boolean => options.hub !== undefined && !(options.hub.cache.isCurrent && options.isHomeKnown());

  function vacancies(): ReadonlyMap<Target, string> {
    const found = clusters().map(({ target }) => [target, options.vacancy(target) ?? ''] as const);
    return new Map(found.filter(([, problem]) => problem !== ''));
  }

  function world(): World {
    return {
      hub: options.hub?.cache,
      isHubAway: isHubAway(),
      members: memberViews,
      settings,
      problems: reconciler.problems,
      vacancies: vacancies(),
      clusterSetIps: ips.all,
      givesIps: options.givesIps(),
      time: timeText(clock.wallMs()),
    };
  }

  async function work(topic: Topic, signal: AbortSignal): Promise<void> {
    const round = await reconciler.reconcile(topic, signal);
    if (round === 'settled') {
      rounds.delete(topic);
      failures.delete(topic);
      return;
    }
    const count = (rounds.get(topic) ?? 0) + 1;
    rounds.set(topic, count);
    // Writes lead to further writes, such as an import's slices; but not endlessly.
    if (round === 'more' && count <= quickRounds) queue.later(topic, 0, clock.nowMs());
    else retry(topic);
  }

  function retry(topic: Topic): void {
    const count = (failures.get(topic) ?? 0) + 1;
    failures.set(topic, count);
    queue.later(topic, backoffMs(count, times.retry, options.random()), clock.nowMs());
  }

  function touch(topics: Iterable<Topic>): void {
    const nowMs = clock.nowMs();
    for (const topic of topics) queue.touch(topic, nowMs);
    wake();
  }

  function touchAll(): ReadonlySet<Topic> {
    const topics = new Set<Topic>();
    for (const { cache } of clusters()) for (const topic of cache.topics()) topics.add(topic);
    touch(topics);
    return topics;
  }

  /** A topic was decided, and written as far as possible. */
  function caughtUp(topic: Topic | undefined): void {
    let isNews = false;
    for (const [target, topics] of behind) {
      if (topic !== undefined) topics.delete(topic);
      if (topics.size > 0) continue;
      behind.delete(target);
      isNews = true;
    }
    if (isNews) options.onCaughtUp();
  }

  /** Whether every cluster was read, or the wait for the others is over. */
  function mayStart(sinceMs: number): boolean {
    if (!options.isRegistryKnown()) return false;
    const isAllRead = clusters().every(
      ({ cache }) => cache.isSuspended || (cache.isComplete && cache.access === 'live'),
    );
    return isAllRead || clock.nowMs() - sinceMs >= times.startMs;
  }

  /** Asks sources that say they have no slices once more, directly. */
  async function confirmHolds(signal: AbortSignal): Promise<void> {
    for (const source of holds.unconfirmed()) {
      const cluster = members.get(source);
      const isEmpty = cluster && (await hasNoSlices(cluster, signal));
      if (isEmpty === undefined) continue;
      holds.answered(source, isEmpty);
      log.warn(
        { source },
        isEmpty ? 'it reports no slices again: their copies are deleted' : 'it reports slices again',
      );
      touch(withheld.keys());
    }
  }

  return {
    topics: touch,
    namespace(name) {
      for (const { cache } of clusters()) touch(cache.topicsIn(name));
    },
    registered() {
      viewMembers();
      touchAll();
    },
    policies: () => touch(new Set(options.hub?.cache.topics())),
    access(target) {
      const cache = clusterAt(target)?.cache;
      log.info(
        { cluster: target, access: cache?.access, complete: cache?.isComplete },
        'the known facts of the cluster changed',
      );
      touchAll();
    },
    object(_target, object) {
      if (settings.clusterSetIpRanges.length > 0) ips.see(object);
    },
    async run(signal) {
      const sinceMs = clock.nowMs();
      while (!signal.aborted) {
        aliveMs = clock.nowMs();
        if (!isStarted && mayStart(sinceMs)) {
          isStarted = true;
          log.info({ ms: Math.round(clock.nowMs() - sinceMs) }, 'all reachable clusters have been read');
          touchAll();
        }
        look();
        if (led.size > 0) {
          await confirmHolds(signal);
          if (withheld.size > 0) retouchHeld();
          for (const topic of queue.take(clock.nowMs(), maxTopics - running.size, isBusy)) start(topic, signal);
        }
        await rest(signal, led.size > 0);
      }
      while (running.size > 0) await new Promise<void>((resolve) => (wake = resolve));
    },
    hasCaughtUp: (target) => leads(target) && led.has(target) && !behind.has(target),
    report: () => ({
      isStarted,
      waiting: queue.size + running.size,
      problems: reconciler.problems,
      withheld,
      held: holds.held(),
      aliveMs,
    }),
  };

  /** Checks where this replica writes now, and whether the hub can be read: if either changes, topics are decided again. */
  function look(): void {
    const before = led;
    hasStood ||= isStarted && options.hasStood();
    led = new Set(hasStood ? clusters().flatMap(({ target }) => (leads(target) ? [target] : [])) : []);
    for (const target of before) if (!led.has(target)) reconciler.left(target);
    for (const target of before) if (!led.has(target)) behind.delete(target);
    const gained = [...led].filter((target) => !before.has(target));
    const hasTurned = isStarted && isHubAway() !== wasAway;
    if (hasTurned) {
      wasAway = !wasAway;
      if (wasAway)
        log.warn({}, 'the hub cannot be read: existing copies follow their sources, and nothing else is written');
      else log.info({}, 'the hub can be read again');
    }
    if (gained.length === 0 && !hasTurned && clock.nowMs() < resyncMs) return;
    const topics = touchAll();
    for (const target of gained) behind.set(target, new Set(topics));
    caughtUp(undefined);
    resyncMs = clock.nowMs() + times.resyncMs;
  }

  /** Decides topics again whose deletions were held and are not any more. */
  function retouchHeld(): void {
    for (const [topic, each] of withheld) {
      const isFree = each.some(({ why, object }) => why === 'held' && !holds.isHeld(sourceLabel(object)));
      if (isFree) queue.touch(topic, clock.nowMs());
    }
  }

  function start(topic: Topic, signal: AbortSignal): void {
    running.add(topic);
    void work(topic, signal)
      .catch((error: unknown) => {
        // A failure in one topic must not stop the others.
        log.error(
          { topic },
          `reconciling failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        );
        retry(topic);
      })
      .finally(() => {
        running.delete(topic);
        caughtUp(topic);
        wake();
      });
  }

  /** Waits until the next topic is due, something happens, or the next check is due. */
  async function rest(signal: AbortSignal, takes: boolean): Promise<void> {
    const isFull = running.size >= maxTopics;
    const next = takes && !isFull ? queue.nextMs(isBusy) : undefined;
    const ms = Math.min(lookMs, next === undefined ? lookMs : Math.max(0, next - clock.nowMs()));
    const waking = new AbortController();
    wake = () => waking.abort();
    await sleep(clock, ms, AbortSignal.any([signal, waking.signal]));
    wake = () => {};
  }
}

function sourceLabel(object: Held): ClusterName {
  return (isOurs(object) ? (object.labels.get(marks.sourceCluster) ?? '') : '') as ClusterName;
}
