import { asFields, type Fields } from '../compiler/model/fields.ts';
import { type ClusterName, compareText } from '../compiler/values/names.ts';
import { type ClusterCache, createClusterCache } from './cluster-cache.ts';
import type { Memory, Withheld } from './core/difference.ts';
import type { DesiredEvent, DesiredStatus } from './core/draft.ts';
import { type Kind, kinds } from './core/kinds.ts';
import { type ControllerSettings, hub, type Target, type World } from './core/world.ts';
import { observe, pathOf } from './observe.ts';
import { simulate, textOf } from './simulate.ts';

/** Clusters in memory, for tests: changes are written at once, until nothing is left to write. */

export const plainSettings: ControllerSettings = {
  importStyle: 'karmada',
  clusterSetIpRanges: [],
  createNamespaces: false,
  keepNodeNames: false,
  keepExternalIps: false,
};

const memberKinds: readonly (readonly [Kind, string])[] = [
  [kinds.service, 'v1'],
  [kinds.slice, 'discovery.k8s.io/v1'],
  [kinds.namespace, 'v1'],
  [kinds.serviceExport, 'multicluster.x-k8s.io/v1alpha1'],
  [kinds.serviceImport, 'multicluster.x-k8s.io/v1alpha1'],
  [kinds.multiClusterService, 'networking.karmada.io/v1alpha1'],
];
const hubKinds: typeof memberKinds = [
  ...memberKinds,
  [kinds.policy, 'policy.karmada.io/v1alpha1'],
  [kinds.clusterPolicy, 'policy.karmada.io/v1alpha1'],
];

export interface Field {
  readonly caches: ReadonlyMap<Target, ClusterCache>;
  world: World;
  memory: Memory;
  /** Acts as the cluster's owner: puts an object in, or removes it. */
  put(target: Target, ...objects: readonly object[]): void;
  remove(target: Target, kind: Kind, path: string): void;
  /** Writes until nothing is left to write. Throws if that does not end. */
  settle(): Settled;
  objects(target: Target): readonly Fields[];
}

export interface Settled {
  readonly writes: readonly string[];
  readonly withheld: readonly Withheld[];
  readonly statuses: readonly DesiredStatus[];
  readonly events: readonly DesiredEvent[];
}

export interface FieldOptions {
  readonly settings?: Partial<ControllerSettings>;
  readonly withHub?: boolean;
  readonly labels?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** What a cluster adds to the spec of a new Service: addresses and families. */
  readonly addressesOf?: (target: Target, name: string) => object | undefined;
}

export function createField(members: readonly string[], options: FieldOptions = {}): Field {
  const caches = new Map<Target, ClusterCache>();
  const names = [...members].sort(compareText) as ClusterName[];
  for (const target of options.withHub === false ? names : [hub, ...names]) {
    const cache = createClusterCache(target as Target, new Map(Object.entries(options.labels?.[target] ?? {})));
    for (const [kind, apiVersion] of target === hub ? hubKinds : memberKinds) {
      cache.expect(
        kind,
        apiVersion,
        kind === kinds.service || kind === kinds.slice || kind === kinds.namespace ? 'essential' : 'complete',
      );
      cache.reading(kind, 'live');
    }
    caches.set(target as Target, cache);
  }
  let version = 1000;
  let address = 0;
  const field: Field = {
    caches,
    memory: { isAccepted: () => false, isHeld: () => false },
    world: {
      hub: caches.get(hub),
      members: new Map(names.map((name) => [name, caches.get(name) as ClusterCache])),
      isHubAway: false,
      settings: { ...plainSettings, ...options.settings },
      problems: new Map(),
      vacancies: new Map(),
      clusterSetIps: new Map(),
      givesIps: true,
      time: '2026-01-01T00:00:00Z',
    },
    put(target, ...objects) {
      for (const object of objects) {
        const { apiVersion, kind, metadata } = object as { apiVersion: string; kind: string; metadata: Fields };
        const stamped = {
          ...object,
          metadata: {
            ...metadata,
            uid: metadata.uid ?? `${target}-${kind}-${String(metadata.name)}`,
            resourceVersion: String(++version),
          },
        };
        const held = observe(stamped, apiVersion, kind);
        if (held === undefined) throw new Error('an object without a proper name');
        caches.get(target)?.change(held, pathOf(held), held);
      }
    },
    remove: (target, kind, path) => void caches.get(target)?.change(kind, path, undefined),
    settle() {
      const { changes, ...rest } = simulate(field.world, caches, withAddress, field.memory);
      return { ...rest, writes: changes.map(textOf) };
    },
    objects: (target) =>
      [...hubKinds].flatMap(([kind]) =>
        (caches.get(target)?.all(kind) ?? []).map(
          ({ apiVersion, kind: name, namespace, labels, annotations, fields, ...held }) => ({
            apiVersion,
            kind: name,
            metadata: {
              name: held.name,
              ...(namespace === undefined ? {} : { namespace }),
              labels: Object.fromEntries(labels),
              annotations: Object.fromEntries(annotations),
            },
            ...fields,
          }),
        ),
      ),
  };

  function withAddress(target: Target, object: Fields): Fields {
    if (object.kind !== 'Service') return object;
    const spec = asFields(object.spec) ?? {};
    const name = String(asFields(object.metadata)?.name);
    const before = caches
      .get(target)
      ?.get({ ...kinds.service, namespace: String(asFields(object.metadata)?.namespace), name });
    const { clusterIP, clusterIPs, ipFamilies } = asFields(before?.fields.spec) ?? {};
    const known = clusterIP === undefined ? undefined : { clusterIP, clusterIPs, ipFamilies };
    const fresh = `10.200.0.${++address}`;
    const given = known ?? options.addressesOf?.(target, name) ?? { clusterIP: fresh, clusterIPs: [fresh] };
    return { ...object, spec: { ...given, ...spec } };
  }
  return field;
}
