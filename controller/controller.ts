import type { TextMap } from '../compiler/model/fields.ts';
import { type ClusterName, compareText } from '../compiler/values/names.ts';
import type { ApiGet, ApiWrite } from '../agent/sources/api.ts';
import { defaultReflectorTimes, type ReflectorTimes } from '../agent/sources/reflector-options.ts';
import type { Log } from '../agent/telling/log.ts';
import { type Cluster, type ClusterNews, createCluster, followAll } from './cluster.ts';
import { type Clock, sleep } from '../agent/loop/clock.ts';
import { kindText } from './core/kinds.ts';
import { type ControllerSettings, hub as hubTarget, type Target } from './core/world.ts';
import type { Election, ElectionTimes } from './election.ts';
import { createFolderCluster } from './folder-cluster.ts';
import { createFollowedKinds } from './followed-kinds.ts';
import { createIdentity, uidOf } from './identity.ts';
import { createLeadership, type Leadership } from './leadership.ts';
import { createLoop, type Loop, type LoopTimes } from './loop.ts';
import type { ControllerMetrics } from './metrics.ts';
import { createRoll } from './roll.ts';
import { createSourceLeases, type SourceLeaseTimes } from './source-leases.ts';

/** How to reach one cluster's API server. */
export interface ApiAddress {
  readonly from: string;
  readonly labels: TextMap;
  readonly get: ApiGet;
  readonly write: ApiWrite;
}

/** A folder of manifests in place of a cluster: it offers Services, and nothing is written to it. */
export interface FolderAddress {
  readonly folder: string;
  readonly labels: TextMap;
}

/** uid: of its namespace `kube-system`, if the user stated it; otherwise the first uid seen counts. */
export type MemberAddress = (ApiAddress | FolderAddress) & { readonly uid?: string };

export interface ControllerOptions {
  readonly hub: ApiAddress | undefined;
  /** The members at the start; `register` adds others. */
  readonly members: ReadonlyMap<ClusterName, MemberAddress>;
  /** Whether more members are still to be read, so that nothing may be decided yet. */
  readonly isRegistryKnown?: () => boolean;
  readonly settings: ControllerSettings;
  /** The namespace of the controller's own Leases, in the hub and in members. */
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
  /** Only reads: writes neither objects nor Leases. */
  readonly isDry?: boolean;
}

export interface Controller {
  /** Runs until the signal that it was made with is aborted. */
  run(): Promise<void>;
  /** Adds a member. There must be none with this name. */
  register(name: ClusterName, address: MemberAddress): void;
  /** Stops reading and writing there. Copies of its slices in other clusters are deleted after a while. */
  unregister(name: ClusterName): void;
  relabel(name: ClusterName, labels: TextMap): void;
  /** A member's new connection answered with this uid. Returns whether it is the same cluster. */
  isItself(name: ClusterName, uid: string): boolean;
  readonly loop: Loop;
  /** The identity of the leader at home. */
  readonly election: Election;
  readonly leadership: Leadership;
  readonly hub: Cluster | undefined;
  /** Members in order of their names. */
  readonly members: ReadonlyMap<ClusterName, Cluster>;
}

const kindsNote = 'slicewright.dev/propagated-kinds';
const uidsNote = 'slicewright.dev/cluster-uids';
const askAgainMs = 2_000;

/** Connects the parts: the clusters that are read, the loop that decides, the Leases. */
export function createController(options: ControllerOptions, signal: AbortSignal): Controller {
  const { clock, log, metrics, settings, random, identity, namespace, times } = options;
  const members = new Map<ClusterName, Cluster>();
  const roll = createRoll();
  const who = createIdentity(members, roll, log);
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
      if (object.kind === 'CustomResourceDefinition') clusterAt(target)?.lookAgain();
    },
  };
  const clusterAt = (target: Target): Cluster | undefined => (target === hubTarget ? hub : members.get(target));
  const follow = {
    hasHub: options.hub !== undefined,
    lookMs: (times.reflector ?? defaultReflectorTimes).absentMs,
  };
  const clusterOf = (target: Target, address: ApiAddress): Cluster =>
    createCluster(
      {
        target,
        get from() {
          return address.from;
        },
        labels: address.labels,
        get: address.get,
        write: address.write,
        concurrency: options.concurrency,
        answerMs: times.answerMs,
        leaseAnswerMs: Math.min(times.answerMs, times.election.deadlineMs / 2),
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
  if (hub !== undefined) followed = createFollowedKinds(hub, () => members.values(), { clock, log }, signal);
  /** The work for each member from its registration on; `run` starts it. */
  const begins = new Map<ClusterName, () => Promise<void>>();
  for (const name of [...options.members.keys()].sort(compareText)) add(name, options.members.get(name));
  const home = hub ?? [...members.values()].find(({ cache }) => cache.takesWrites);
  if (home === undefined) throw new Error('a controller without an API server');
  const leadership = createLeadership({
    ...{ hub, home, namespace, identity, times: times.election, clock, log },
    isReady: () => loop?.report().isStarted === true,
    notes: () => {
      const [kinds, uids] = [followed?.text() ?? '', roll.text()];
      return { ...(kinds === '' ? {} : { [kindsNote]: kinds }), ...(uids === '' ? {} : { [uidsNote]: uids }) };
    },
    onHomeNotes(notes) {
      followed?.restore(notes.get(kindsNote) ?? '');
      recall(notes);
    },
    onNotes: recall,
  });
  const { leads } = leadership;
  loop = createLoop({
    hub,
    members,
    isRegistryKnown: options.isRegistryKnown ?? (() => true),
    settings,
    times: times.loop,
    clock,
    random,
    log,
    identity,
    leads,
    givesIps: () => leadership.home.isLeading(),
    isHomeKnown: () => options.isDry === true || leadership.home.hasLooked(),
    vacancy: (target) => leadership.vacancy(target),
    hasStood: () => leadership.hasStood(),
    onCaughtUp: () => leases.due(),
    onLatency: (ms) => metrics.duration.observe(ms / 1000),
  });
  const running = loop;
  const leases = createSourceLeases({
    ...{ members, identity: who, namespace, holder: identity, times: times.leases, clock, log },
    isFresh: (consumer) => running.hasCaughtUp(consumer),
  });
  let isRunning = false;

  function recall(notes: ReadonlyMap<string, string>): void {
    roll.restore(notes.get(uidsNote) ?? '');
    who.lookAgain();
  }

  function add(name: ClusterName, address: MemberAddress | undefined): void {
    if (address === undefined) return;
    roll.state(name, address.uid);
    if ('folder' in address) {
      const folder = createFolderCluster(
        { target: name, path: address.folder, labels: address.labels, clock, news },
        signal,
      );
      put(name, folder);
      begins.set(name, () => folder.run());
    } else {
      const cluster = clusterOf(name, address);
      put(name, cluster);
      begins.set(name, () => meet(name, cluster));
    }
  }

  function put(name: ClusterName, cluster: Cluster): void {
    const all = [...members, [name, cluster] as const].sort(([a], [b]) => compareText(a, b));
    members.clear();
    for (const [each, there] of all) members.set(each, there);
  }

  /** A member's identity is checked before anything of it is used. */
  async function meet(name: ClusterName, cluster: Cluster): Promise<void> {
    let told = '';
    while (!signal.aborted && members.get(name) === cluster) {
      const answer = await uidOf(cluster);
      if (signal.aborted || members.get(name) !== cluster) return;
      if ('uid' in answer) {
        if (!who.isItself(name, answer.uid)) return;
        const standing = options.isDry === true ? [] : [leadership.standIn(name, cluster)];
        await Promise.all([followAll(cluster, follow, cluster.ends), ...standing]);
        return;
      }
      if (answer.problem !== told)
        log.warn({ cluster: name, from: cluster.from }, `does not answer yet: ${answer.problem}`);
      told = answer.problem;
      await sleep(clock, askAgainMs, cluster.ends);
    }
  }

  return {
    loop,
    election: leadership.home,
    leadership,
    hub,
    members,
    register(name, address) {
      add(name, address);
      const cluster = members.get(name);
      log.info({ cluster: name, from: cluster?.from }, 'is registered');
      running.registered();
      if (!isRunning || cluster === undefined) return;
      followed?.meet(cluster);
      void begins.get(name)?.();
    },
    unregister(name) {
      members.get(name)?.stop();
      members.delete(name);
      begins.delete(name);
      roll.forget(name);
      log.info({ cluster: name }, 'is no longer registered');
      running.registered();
    },
    relabel(name, labels) {
      members.get(name)?.cache.setLabels(labels);
      running.registered();
    },
    isItself: (name, uid) => who.isItself(name, uid),
    async run() {
      isRunning = true;
      const reading = [...begins.values()].map((begin) => begin());
      if (hub !== undefined) reading.push(followAll(hub, follow, signal));
      const leading = options.isDry === true ? [] : [leadership.run(signal), leases.run(signal)];
      await Promise.all([...reading, ...leading, running.run(signal)]);
    },
  };
}
