import type { TextMap } from '../compiler/model/fields.ts';
import type { ApiGet, ApiWrite } from '../agent/sources/api.ts';
import { reflect } from '../agent/sources/reflector.ts';
import type { ReflectorTimes } from '../agent/sources/reflector-options.ts';
import { type ClusterApi, createClusterApi } from './cluster-api.ts';
import { type ClusterCache, createClusterCache, type Need } from './cluster-cache.ts';
import { type Clock, sleep } from '../agent/loop/clock.ts';
import type { Topic } from './core/desire.ts';
import { isOfKind, type Kind, kinds } from './core/kinds.ts';
import { marks } from './core/marks.ts';
import type { Held } from './core/object.ts';
import { hub, type Target } from './core/world.ts';
import { createGate, type Gate } from './gate.ts';
import { observe } from './observe.ts';
import { collectionPath, type ServedKind } from './served-kinds.ts';
import { createWriter, type Writer, type WriteReport } from './writer.ts';

/** One cluster for the controller: its objects, and how to write to it. */
export interface Cluster {
  readonly target: Target;
  readonly from: string;
  readonly cache: ClusterCache;
  readonly api: ClusterApi;
  /** For Leases: times out sooner, and goes on when the cluster is stopped, so that Leases can be given back then. */
  readonly leaseApi: ClusterApi;
  readonly writer: Writer;
  readonly gate: Gate;
  /** When its API server was last heard, by the monotonic clock; undefined: never. */
  heardMs(): number | undefined;
  /** Problems of kinds that cannot be read now, by kind. */
  readonly problems: ReadonlyMap<string, string>;
  /** Reads the kind from now on, in this version. */
  follow(kind: Kind, served: ServedKind, need: Need): void;
  /** The controller did something that may make a kind available, so the server should be asked at once. */
  lookAgain(): void;
  /** Resolves after this time, or when the server should be asked for its kinds again: then true. */
  restBeforeLook(ms: number): Promise<boolean>;
  /** Ends all reading and writing. */
  stop(): void;
  readonly ends: AbortSignal;
}

export interface ClusterNews {
  topics(topics: readonly Topic[]): void;
  /** The whole cluster became readable, or unreadable: everything has to be decided again. */
  access(cluster: Target): void;
  namespace(name: string): void;
  /** A policy came, changed or went: any object of the hub may have other destinations now. */
  policies(): void;
  object(cluster: Target, object: Held): void;
}

export interface ClusterOptions {
  readonly target: Target;
  readonly from: string;
  readonly labels: TextMap;
  readonly get: ApiGet;
  readonly write: ApiWrite;
  readonly concurrency: number;
  readonly answerMs: number;
  readonly leaseAnswerMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly reflectorTimes?: ReflectorTimes;
  readonly news: ClusterNews;
  readonly onWrite: (target: Target, report: WriteReport) => void;
}

export function createCluster(options: ClusterOptions, outer: AbortSignal): Cluster {
  const { target, get, write, clock, answerMs, news } = options;
  const stopping = new AbortController();
  const signal = AbortSignal.any([outer, stopping.signal]);
  const cache = createClusterCache(target, options.labels);
  const api = createClusterApi({ get, write, answerMs, signal });
  const leaseApi = createClusterApi({ get, write, answerMs: options.leaseAnswerMs });
  const gate = createGate(options.concurrency, clock, signal);
  const writer = createWriter({ api, cache, gate, onWrite: (report) => options.onWrite(target, report) });
  for (const kind of [kinds.service, kinds.slice, kinds.namespace])
    cache.expect(kind, assumed(kind).apiVersion, 'essential');
  const problems = new Map<string, string>();
  const followed = new Map<string, { readonly apiVersion: string; readonly stopping: AbortController }>();
  let heardMs: number | undefined;
  let looking = new AbortController();

  function take(kind: Kind, path: string, object: Held | undefined): void {
    const before = object && cache.get({ ...kind, namespace: object.namespace, name: object.name });
    if (before !== undefined && object !== undefined && isSame(before, object)) return;
    const topics = cache.change(kind, path, object);
    if (object !== undefined) news.object(target, object);
    if (isOfKind(kind, kinds.policy) || isOfKind(kind, kinds.clusterPolicy)) news.policies();
    if (isOfKind(kind, kinds.namespace)) {
      if (before === undefined) news.namespace(path);
    } else if (topics.length > 0) news.topics(topics);
  }

  return {
    target,
    get from() {
      return options.from;
    },
    cache,
    api,
    leaseApi,
    writer,
    gate,
    problems,
    heardMs: () => heardMs,
    follow(kind, served, need) {
      const text = `${kind.kind}.${kind.group}`;
      const before = followed.get(text);
      if (before?.apiVersion === served.apiVersion && !cache.lacks(kind)) return;
      before?.stopping.abort();
      const ending = new AbortController();
      followed.set(text, { apiVersion: served.apiVersion, stopping: ending });
      // The first list in this version cannot show by itself which objects of the previous reading are gone.
      let left = new Set(before === undefined ? [] : cache.paths(kind));
      cache.expect(kind, served.apiVersion, need);
      void reflect<Held>(
        {
          get,
          path: collectionPath(served),
          ...(need === 'part' ? { query: { labelSelector: `${marks.managed}=true` } } : {}),
          optional: need !== 'essential',
          project: (raw) => {
            const object = observe(raw, served.apiVersion, kind.kind);
            return (
              object && {
                key: object.namespace === undefined ? object.name : `${object.namespace}/${object.name}`,
                value: object,
              }
            );
          },
          onReplace: (objects, gone) => {
            for (const [path, object] of objects) take(kind, path, object);
            for (const path of [...gone, ...left]) if (!objects.has(path)) take(kind, path, undefined);
            left = new Set();
          },
          onChange: (path, object) => take(kind, path, object),
          onState: (state) => {
            if (ending.signal.aborted) return;
            // A kind that is served from now on, or no longer, also opens or closes a way to write.
            const facts = () => `${cache.access} ${cache.isComplete} ${cache.isCurrent} ${cache.lacks(kind)}`;
            const known = facts();
            cache.reading(kind, state.kind);
            if (state.kind === 'failing') problems.set(text, state.problem);
            else problems.delete(text);
            if (known !== facts()) news.access(target);
          },
          onHeard: () => {
            heardMs = clock.nowMs();
          },
          ...(options.reflectorTimes === undefined ? {} : { times: options.reflectorTimes }),
          clock,
          random: options.random,
        },
        AbortSignal.any([signal, ending.signal]),
      );
    },
    lookAgain: () => looking.abort(),
    async restBeforeLook(ms) {
      await sleep(clock, ms, AbortSignal.any([signal, looking.signal]));
      const isCalled = looking.signal.aborted;
      if (isCalled) looking = new AbortController();
      return isCalled;
    },
    stop: () => stopping.abort(),
    ends: signal,
  };
}

/** A list repeats what the watch has reported. */
function isSame(before: Held, object: Held): boolean {
  return (
    before.resourceVersion === object.resourceVersion &&
    before.uid === object.uid &&
    before.apiVersion === object.apiVersion
  );
}

export interface FollowOptions {
  readonly hasHub: boolean;
  /** How soon the server is asked again which versions of kinds it serves, and which late kinds. */
  readonly lookMs: number;
}

/**
 * Reads the kinds that matter in every cluster: those that copies are made from, and those that users write. Goes on until the
 * signal is aborted, because a definition may come later, or in another version.
 */
export async function followAll(cluster: Cluster, options: FollowOptions, signal: AbortSignal): Promise<void> {
  const { hasHub, lookMs } = options;
  const isHub = cluster.target === hub;
  const wanted: readonly (readonly [Kind, Need])[] = [
    [kinds.service, 'essential'],
    [kinds.slice, 'essential'],
    [kinds.namespace, 'essential'],
    [kinds.serviceExport, 'complete'],
    [kinds.serviceImport, 'complete'],
    ...(isHub || !hasHub ? [[kinds.multiClusterService, 'complete'] as const] : []),
    ...(isHub ? [[kinds.policy, 'complete'] as const, [kinds.clusterPolicy, 'complete'] as const] : []),
  ];
  for (const [kind] of wanted) cluster.cache.expect(kind, assumed(kind).apiVersion, 'essential');
  for (const [kind, need] of wanted) {
    cluster.follow(kind, (await find(cluster, kind, signal)) ?? assumed(kind), need);
  }
  // The server starts to serve a definition soon after it was written, not at once.
  for (let waitMs = soonMs; ; ) {
    const isCalled = await cluster.restBeforeLook(Math.min(waitMs, lookMs));
    if (signal.aborted) return;
    waitMs = isCalled ? soonMs : waitMs * 2;
    if (isCalled) continue;
    for (const [kind, need] of wanted.filter(([each]) => mayCome(cluster, each))) {
      const served = await find(cluster, kind, signal, true);
      if (served !== undefined && !signal.aborted) cluster.follow(kind, served, need);
    }
  }
}

const soonMs = 500;

/** Kinds of definitions: of those whose versions differ, and of any kind that is not served yet. */
function mayCome({ cache }: Cluster, kind: Kind): boolean {
  return kind.group === kinds.serviceExport.group || cache.lacks(kind);
}

/** A server that cannot be asked yet is read in the version of the API's first release, which all later ones serve too. */
async function find(
  { api }: Cluster,
  kind: Kind,
  signal: AbortSignal,
  isAgain = false,
): Promise<ServedKind | undefined> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(findMs)]);
  try {
    return await (isAgain ? api.served.refresh(kind, limit) : api.served.find(kind, undefined, limit));
  } catch {
    return undefined;
  }
}

const findMs = 10_000;

function assumed({ group, kind }: Kind): ServedKind {
  const plural = `${kind.toLowerCase()}s`;
  return { apiVersion: group === '' ? 'v1' : `${group}/v1alpha1`, plural, isNamespaced: true };
}
