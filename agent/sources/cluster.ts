import { type KnownKind, type ObjectId, type Recognised, recognise } from '../../compiler/model/kinds.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import type { Clock } from '../loop/clock.ts';
import type { ApiGet } from './api.ts';
import { createNews, reduceOtherNode } from './other-nodes.ts';
import { reduceObject } from './reduce.ts';
import { reflect } from './reflector.ts';
import type { ReflectorTimes } from './reflector-options.ts';
import { type Allowance, createQuota, defaultSourceLimits, endpointsIn, type SourceLimits } from './quota.ts';
import type { Source, SourceSink } from './source.ts';

interface WatchedKind {
  readonly kind: KnownKind;
  readonly apiVersion: string;
  readonly plural: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly optional: boolean;
  /** Only in this namespace; absent: in all. */
  readonly namespace?: string;
  /** The agent can work without it. */
  readonly forgoable?: boolean;
}

const notHeadless = '!service.kubernetes.io/headless';
const proxyLabel = 'service.kubernetes.io/service-proxy-name';

/**
 * Selectors for objects that the server should leave out: headless ones, and those that the model leaves to other
 * proxies (compiler/model/metadata.ts). With a proxy name the label selects only among the local cluster's Services.
 */
function selectorsFor(isOwn: boolean, proxyName: string | undefined) {
  const ofProxy = `${notHeadless},!${proxyLabel}`;
  if (proxyName === undefined) return { services: ofProxy, slices: ofProxy };
  return { services: isOwn ? `${notHeadless},${proxyLabel}=${proxyName}` : notHeadless, slices: notHeadless };
}

/** The kinds to read. Another cluster's nodes and imports have no meaning here, so they are only read in the local cluster. */
export function watchedKinds(
  isOwn: boolean,
  nodeName: string,
  proxyName?: string,
  otherNodes = true,
): readonly WatchedKind[] {
  const { services, slices } = selectorsFor(isOwn, proxyName);
  const core: readonly WatchedKind[] = [
    { kind: 'Service', apiVersion: 'v1', plural: 'services', query: { labelSelector: services }, optional: false },
    {
      kind: 'EndpointSlice',
      apiVersion: 'discovery.k8s.io/v1',
      plural: 'endpointslices',
      query: { labelSelector: slices },
      optional: false,
    },
    { kind: 'ServiceExport', apiVersion: mcs, plural: 'serviceexports', optional: true },
  ];
  if (!isOwn) return core;
  return [
    ...core,
    {
      kind: 'Node',
      apiVersion: 'v1',
      plural: 'nodes',
      ...(otherNodes ? {} : { query: { fieldSelector: `metadata.name=${nodeName}` } }),
      optional: false,
    },
    { kind: 'ServiceImport', apiVersion: mcs, plural: 'serviceimports', optional: true },
    {
      kind: 'MultiClusterService',
      apiVersion: 'networking.karmada.io/v1alpha1',
      plural: 'multiclusterservices',
      optional: true,
    },
    { kind: 'ClusterProperty', apiVersion: 'about.k8s.io/v1alpha1', plural: 'clusterproperties', optional: true },
  ];
}

/** Other clusters' Leases, in the local cluster: if they may not be read, the agent works without them. */
export function leaseKind(namespace: string): WatchedKind {
  return {
    kind: 'Lease',
    apiVersion: 'coordination.k8s.io/v1',
    plural: 'leases',
    optional: true,
    namespace,
    forgoable: true,
  };
}

/** The version that every release since v0.1.0 serves, also those that serve v1beta1. */
const mcs = 'multicluster.x-k8s.io/v1alpha1';

export interface ClusterSourceOptions {
  readonly cluster: ClusterName | undefined;
  readonly from: string;
  readonly get: ApiGet;
  /** Of all other Nodes only addresses and ranges are kept. */
  readonly nodeName: string;
  /** Whether other Nodes are read; absent: they are. */
  readonly otherNodes?: boolean;
  /** The proxy name of served Services; undefined: those without the label, as for kube-proxy. */
  readonly proxyName?: string | undefined;
  /** The namespace of other clusters' Leases; absent: they are not read. They are never read from another cluster's API server. */
  readonly leaseNamespace?: string;
  /** The limits of all its kinds together; absent: the default. */
  readonly limits?: SourceLimits;
  readonly times?: ReflectorTimes;
  readonly clock: Clock;
  readonly random: () => number;
}

/** One cluster's API server as a source: every kind has its own reflector. */
export function clusterSource(options: ClusterSourceOptions): Source {
  const { cluster, from, leaseNamespace } = options;
  const core = watchedKinds(cluster === undefined, options.nodeName, options.proxyName, options.otherNodes);
  const lease = cluster !== undefined || leaseNamespace === undefined ? undefined : leaseKind(leaseNamespace);
  const kinds = lease === undefined ? core : [...core, lease];
  return {
    cluster,
    from,
    ...(lease === undefined ? {} : { leasesIn: lease.kind }),
    forgoes: new Set(kinds.filter(({ forgoable }) => forgoable).map(({ kind }) => kind)),
    run: async (sink, signal) => {
      const quota = createQuota(options.limits ?? defaultSourceLimits);
      await Promise.all(kinds.map((kind) => watchKind(kind, options, quota(kind.kind), sink, signal)));
    },
  };
}

function watchKind(
  watched: WatchedKind,
  options: ClusterSourceOptions,
  allowance: Allowance,
  sink: SourceSink,
  signal: AbortSignal,
): Promise<void> {
  const { kind, apiVersion, plural, namespace: only } = watched;
  const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const idOf = (key: string): ObjectId => {
    const [name = '', namespace = ''] = key.split('/').reverse();
    return { kind, namespace, name };
  };
  const news = kind === 'Node' ? createNews() : undefined;
  const isNews = (key: string, object?: Recognised): boolean => news?.isNews(key, object?.fields) ?? true;
  let wasNews = true;
  return reflect(
    {
      get: options.get,
      path: only === undefined ? `${base}/${plural}` : `${base}/namespaces/${only}/${plural}`,
      ...(watched.query === undefined ? {} : { query: watched.query }),
      optional: watched.optional,
      forgoable: watched.forgoable === true,
      project: (raw) => {
        const reduced = reduceObject(raw, kind, apiVersion);
        const isOther = kind === 'Node' && reduced?.key !== options.nodeName;
        const value = recognise(reduced && (isOther ? reduceOtherNode(reduced.value) : reduced.value));
        return reduced && value && { key: reduced.key, value, endpoints: endpointsIn(reduced.value) };
      },
      allowance,
      pace: (bytes) => (wasNews ? sink.pace(bytes) : undefined),
      onReplace: (objects, gone) => {
        const changed = [...objects].filter(([key, object]) => isNews(key, object));
        const present = changed.map(([, object]) => ({ gone: false, object }) as const);
        const absent = gone.filter((key) => isNews(key)).map((key) => ({ gone: true, id: idOf(key) }) as const);
        sink.change([...present, ...absent]);
      },
      onChange: (key, object) => {
        wasNews = isNews(key, object);
        if (wasNews) sink.change([object === undefined ? { gone: true, id: idOf(key) } : { gone: false, object }]);
      },
      onState: (state) => sink.state(kind, state),
      onHeard: () => sink.heard(kind),
      ...(options.times === undefined ? {} : { times: options.times }),
      clock: options.clock,
      random: options.random,
    },
    signal,
  );
}
