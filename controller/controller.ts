import type { TextMap } from '../compiler/model/fields.ts';
import { type ClusterName, compareText } from '../compiler/values/names.ts';
import type { ApiGet, ApiWrite } from '../agent/sources/api.ts';
import type { ReflectorTimes } from '../agent/sources/reflector-options.ts';
import type { Log } from '../agent/telling/log.ts';
import { type Cluster, type ClusterNews, createCluster, followAll } from './cluster.ts';
import { type Clock, sleep } from '../agent/loop/clock.ts';
import { kindText } from './core/kinds.ts';
import { type ControllerSettings, hub as hubTarget, type Target } from './core/world.ts';
import { createElection, type Election, type ElectionTimes } from './election.ts';
import { createFollowedKinds } from './followed-kinds.ts';
import { createLoop, type Loop, type LoopTimes } from './loop.ts';
import type { ControllerMetrics } from './metrics.ts';
import { createRoll } from './roll.ts';
import { createSourceLeases, isItself, type SourceLeaseTimes, uidOf } from './source-leases.ts';

/** How to reach one cluster. */
export interface ClusterAddress {
  readonly from: string;
  readonly labels: TextMap;
  readonly get: ApiGet;
  readonly write: ApiWrite;
}

export interface ControllerOptions {
  readonly hub: ClusterAddress | undefined;
  readonly members: ReadonlyMap<ClusterName, ClusterAddress>;
  readonly settings: ControllerSettings;
  /** Where the controller's own Leases are, in the hub and in members. */
  readonly namespace: string;
  readonly identity: string;
  readonly concurrency: number;
  readonly times: {
    readonly loop: LoopTimes;
    readonly election: ElectionTimes;
    readonly leases: SourceLeaseTimes;
    readonly answerMs: number;
    readonly reflector?: ReflectorTimes;
  };
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: ControllerMetrics;
  /** Reads, and writes nothing: neither objects nor Leases. */
  readonly isDry?: boolean;
}

export interface Controller {
  /** Until the signal that it was made with is aborted. */
  run(): Promise<void>;
  readonly loop: Loop;
  readonly election: Election;
  readonly hub: Cluster | undefined;
  readonly members: ReadonlyMap<ClusterName, Cluster>;
}

const leaseName = 'slicewright-controller';
const kindsNote = 'slicewright.dev/propagated-kinds';
const askAgainMs = 2_000;

/** Puts the parts together: clusters that are read, the loop that decides, the Leases. */
export function createController(options: ControllerOptions, signal: AbortSignal): Controller {
  const { clock, log, metrics, settings, random, identity, namespace, times } = options;
  const names = [...options.members.keys()].sort(compareText);
  const roll = createRoll(names);
  let loop: Loop | undefined;
  let followed: ReturnType<typeof createFollowedKinds> | undefined;
  const news: ClusterNews = {
    topics: (topics) => loop?.topics(topics),
    access: (target) => loop?.access(target),
    policies: () => loop?.policies(),
    namespace: (name) => loop?.namespace(name),
    object(target, object) {
      loop?.object(target, object);
      if (target === hubTarget) followed?.see(object);
    },
  };
  const clusterOf = (target: Target, address: ClusterAddress): Cluster =>
    createCluster(
      {
        ...address,
        target,
        concurrency: options.concurrency,
        answerMs: times.answerMs,
        clock,
        random,
        ...(times.reflector === undefined ? {} : { reflectorTimes: times.reflector }),
        news,
        onWrite: (where, { verb, id, outcome }) => {
          const labels = { cluster: where, kind: kindText(id) };
          metrics.writes.inc({ ...labels, verb, outcome });
          if (outcome === 'conflict') metrics.conflicts.inc(labels);
        },
      },
      signal,
    );
  const hub = options.hub && clusterOf(hubTarget, options.hub);
  const members = new Map(
    names.flatMap((name) => {
      const address = options.members.get(name);
      return address === undefined ? [] : [[name, clusterOf(name, address)] as const];
    }),
  );
  if (hub !== undefined) followed = createFollowedKinds(hub, () => members.values(), { clock, log }, signal);
  const home = hub ?? [...members.values()][0];
  if (home === undefined) throw new Error('a controller without clusters');
  const election = createElection({
    api: home.api,
    namespace,
    name: leaseName,
    identity,
    times: times.election,
    clock,
    log,
    notes: () => {
      const text = followed?.text() ?? '';
      return text === '' ? {} : { [kindsNote]: text };
    },
    onNotes: (notes) => followed?.restore(notes.get(kindsNote) ?? ''),
  });
  const { isLeading } = election;
  loop = createLoop({
    hub,
    members,
    settings,
    times: times.loop,
    clock,
    random,
    log,
    identity,
    isLeading,
    onLatency: (ms) => metrics.duration.observe(ms / 1000),
  });
  const leases = createSourceLeases({ members, roll, namespace, identity, times: times.leases, clock, log, isLeading });
  const running = loop;

  /** Who a member is, is asked before anything of it is used. */
  async function meet(name: ClusterName, cluster: Cluster): Promise<void> {
    let told = '';
    for (;;) {
      const answer = await uidOf(cluster);
      if (signal.aborted) return;
      if ('uid' in answer) {
        if (isItself({ log }, roll, name, cluster, answer.uid)) await followAll(cluster, hub !== undefined, signal);
        return;
      }
      if (answer.problem !== told)
        log.warn({ cluster: name, from: cluster.from }, `does not answer yet: ${answer.problem}`);
      told = answer.problem;
      await sleep(clock, askAgainMs, signal);
    }
  }

  return {
    loop,
    election,
    hub,
    members,
    async run() {
      const reading = [...members].map(([name, cluster]) => meet(name, cluster));
      if (hub !== undefined) reading.push(followAll(hub, true, signal));
      const leading = options.isDry === true ? [] : [election.run(signal), leases.run(signal)];
      await Promise.all([...reading, ...leading, running.run(signal)]);
    },
  };
}
