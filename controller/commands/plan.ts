import { asFields, type Fields } from '../../compiler/model/fields.ts';
import { type ClusterName, compareText } from '../../compiler/values/names.ts';
import { reportingFailures } from '../../agent/commands/failures.ts';
import type { Io } from '../../agent/terminal/io.ts';
import { readObjects } from '../../agent/input/files.ts';
import { placesOf } from '../../agent/input/places.ts';
import type { ClusterObjects } from '../../compiler/compile.ts';
import { type ClusterCache, createClusterCache } from '../cluster-cache.ts';
import { idIn, isOfKind, kinds } from '../core/kinds.ts';
import { hub, type Target, type World } from '../core/world.ts';
import { netReport } from '../net-report.ts';
import { observe, pathOf } from '../observe.ts';
import { simulate } from '../simulate.ts';
import { clusterLabelsOf, namedClusters, type SettingOptions, settingsOf } from './options.ts';

export interface PlanMultiClusterOptions extends SettingOptions {
  /** The objects that users wrote into the hub. */
  readonly filename: readonly string[];
  /** `NAME=PATH`: a member's objects. */
  readonly cluster?: readonly string[];
}

/**
 * Prints what the controller would write into which cluster, computed from files.
 *
 * returns  0 nothing, 2 changes, 1 files that cannot be used
 */
export function planMultiClusterCommand(options: PlanMultiClusterOptions, io: Io): Promise<number> {
  return reportingFailures('human', io, async () => {
    const settings = await settingsOf(options, true, io.readStdin);
    const labels = clusterLabelsOf(options.clusterLabels);
    const caches = new Map<Target, ClusterCache>();
    const ofHub = await readObjects(options.filename, io.readStdin);
    const read: ClusterObjects[] = [{ cluster: undefined, objects: ofHub }];
    caches.set(hub, cacheOf(hub, ofHub, new Map(), []));
    const members = new Map<ClusterName, ClusterCache>();
    const namespaces = namespacesOf(ofHub);
    for (const [name, path] of [...namedClusters(options.cluster ?? [])].sort(([a], [b]) => compareText(a, b))) {
      const objects = await readObjects([path], io.readStdin);
      read.push({ cluster: name, objects });
      const cache = cacheOf(name, objects, labels.get(name) ?? new Map(), namespaces);
      caches.set(name, cache);
      members.set(name, cache);
    }
    const world: World = {
      hub: caches.get(hub),
      members,
      isHubAway: false,
      settings,
      problems: new Map(),
      vacancies: new Map(),
      clusterSetIps: new Map(),
      givesIps: true,
      time: '1970-01-01T00:00:00Z',
    };
    const simulated = simulate(world, caches);
    await io.out(netReport(simulated, placesOf(read)));
    return simulated.net.length === 0 ? 0 : 2;
  });
}

/** As a cluster that was read completely. Files without any Namespace say nothing about namespaces: then every one exists. */
function cacheOf(
  target: Target,
  objects: readonly unknown[],
  labels: ReadonlyMap<string, string>,
  assumed: readonly string[],
): ClusterCache {
  const cache = createClusterCache(target, labels);
  for (const kind of Object.values(kinds)) {
    const isMcs = kind.group === 'multicluster.x-k8s.io';
    cache.expect(
      kind,
      isMcs || kind.group.endsWith('karmada.io')
        ? `${kind.group}/v1alpha1`
        : kind.group === ''
          ? 'v1'
          : `${kind.group}/v1`,
      'essential',
    );
    cache.reading(kind, 'live');
  }
  const items = objects.flatMap(itemsOf);
  for (const fields of items) {
    const { apiVersion, kind } = fields;
    if (typeof apiVersion !== 'string' || typeof kind !== 'string') continue;
    const held = observe(withNamespace(fields), apiVersion, kind);
    if (held === undefined) continue;
    cache.expect(held, apiVersion, 'essential');
    cache.reading(held, 'live');
    cache.change(held, pathOf(held), held);
  }
  if (cache.all(kinds.namespace).length === 0) {
    for (const name of new Set([...assumed, ...namespacesOf(items)])) {
      const held = observe({ metadata: { name } }, 'v1', 'Namespace');
      if (held !== undefined) cache.change(idIn(kinds.namespace, undefined, name), name, held);
    }
  }
  return cache;
}

function itemsOf(object: unknown): readonly Fields[] {
  const fields = asFields(object);
  if (fields === undefined) return [];
  return Array.isArray(fields.items) ? fields.items.flatMap(itemsOf) : [fields];
}

/** An unknown kind counts as namespaced, as in `kubectl`, unless it is known to have no namespace. */
function withNamespace(fields: Fields): Fields {
  const metadata = asFields(fields.metadata) ?? {};
  const kind = { group: '', kind: String(fields.kind) };
  const isGlobal =
    isOfKind(kind, kinds.namespace) || /^(Cluster|CustomResource|Node$|PersistentVolume$)/.test(kind.kind);
  return isGlobal || metadata.namespace !== undefined
    ? fields
    : { ...fields, metadata: { ...metadata, namespace: 'default' } };
}

function namespacesOf(objects: readonly unknown[]): readonly string[] {
  const names = objects.flatMap(itemsOf).map((each) => asFields(withNamespace(each).metadata)?.namespace);
  return [...new Set(names.filter((name) => typeof name === 'string'))].sort(compareText);
}
