import { folderSource, manifestsKind } from '../agent/sources/folder.ts';
import type { Told } from '../compiler/change.ts';
import { type Fields, asFields, type TextMap } from '../compiler/model/fields.ts';
import type { ObjectId as ModelId } from '../compiler/model/kinds.ts';
import type { ClusterName } from '../compiler/values/names.ts';
import type { Clock } from '../agent/loop/clock.ts';
import type { Cluster, ClusterNews } from './cluster.ts';
import type { ClusterApi, Written } from './cluster-api.ts';
import { createClusterCache } from './cluster-cache.ts';
import { idIn, isOfKind, type Kind, kinds } from './core/kinds.ts';
import type { Held } from './core/object.ts';
import { createGate } from './gate.ts';
import { observe, pathOf } from './observe.ts';
import { createServedKinds } from './served-kinds.ts';

/** Kinds in a folder's manifests with which it can offer Services. */
const offered: readonly Kind[] = [
  kinds.service,
  kinds.slice,
  kinds.serviceExport,
  kinds.serviceImport,
  kinds.multiClusterService,
];

export interface FolderClusterOptions {
  readonly target: ClusterName;
  readonly path: string;
  readonly labels: TextMap;
  readonly clock: Clock;
  readonly news: ClusterNews;
}

/**
 * A folder of manifests as a cluster that offers Services. Nothing is written to it: addresses, conditions and Leases need an API
 * server, and the files belong to their owner. It is read as the agent reads folders: as a whole, or not at all.
 */
export function createFolderCluster(
  { target, path, labels, clock, news }: FolderClusterOptions,
  outer: AbortSignal,
): Cluster & { run(): Promise<void> } {
  const stopping = new AbortController();
  const signal = AbortSignal.any([outer, stopping.signal]);
  const cache = createClusterCache(target, labels, false);
  for (const kind of [...offered, kinds.namespace]) {
    cache.expect(kind, kind.group === '' ? 'v1' : `${kind.group}/${versionOf(kind)}`, 'essential');
  }
  const problems = new Map<string, string>();
  let heardMs: number | undefined;

  function change(told: Told): void {
    const kind = kindOf(told.gone ? told.id : told.object.id);
    if (kind === undefined) return;
    if (told.gone) {
      const { namespace, name } = told.id;
      return news.topics(cache.change(kind, pathOf(idIn(kind, namespace, name)), undefined));
    }
    const { fields, id } = told.object;
    const held = heldOf(fields, id, kind);
    if (held === undefined) return;
    const topics = cache.change(kind, pathOf(held), held);
    news.object(target, held);
    news.topics(topics);
  }

  return {
    target,
    from: path,
    cache,
    api: refusing,
    leaseApi: refusing,
    writer: { perform: () => refused, writeStatus: () => refused, isAccepted: () => false },
    gate: createGate(1, clock, signal),
    problems,
    heardMs: () => heardMs,
    follow() {},
    lookAgain() {},
    restBeforeLook: () => Promise.resolve(false),
    stop: () => stopping.abort(),
    ends: signal,
    run: () =>
      folderSource(target, path, clock).run(
        {
          change: (changes) => changes.forEach(change),
          state(_kind, state) {
            const known = cache.access;
            for (const kind of [...offered, kinds.namespace]) cache.reading(kind, state.kind);
            if (state.kind === 'failing') problems.set(manifestsKind, state.problem);
            else problems.delete(manifestsKind);
            if (cache.access !== known) news.access(target);
          },
          heard() {
            heardMs = clock.nowMs();
          },
          pace: () => undefined,
        },
        signal,
      ),
  };
}

function versionOf(kind: Kind): string {
  return isOfKind(kind, kinds.slice) ? 'v1' : 'v1alpha1';
}

function kindOf({ kind }: Pick<ModelId, 'kind'>): Kind | undefined {
  return offered.find((each) => each.kind === kind);
}

/** As in `kubectl`, an object without a namespace is in `default`. */
function heldOf(fields: Fields, { namespace }: ModelId, { kind }: Kind): Held | undefined {
  const metadata = { ...asFields(fields.metadata), namespace };
  return observe({ ...fields, metadata }, String(fields.apiVersion), kind);
}

const refused: Promise<Written> = Promise.resolve({
  kind: 'refused',
  problem: 'it is a folder, which is read only',
});
const noGet = (): Promise<never> => Promise.reject(new Error('a folder answers no requests'));

const refusing: ClusterApi = {
  get: noGet,
  served: createServedKinds(noGet),
  apply: () => refused,
  remove: () => refused,
  read: () => Promise.resolve(undefined),
  create: () => refused,
  replace: () => refused,
};
