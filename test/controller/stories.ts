import type { ClusterName } from '../../compiler/values/names.ts';
import { hub, type Target } from '../../controller/core/world.ts';
import { createField, type Field, type FieldOptions } from '../../controller/settle.fixture.ts';
import { kinds } from '../../controller/core/kinds.ts';
import { slice } from '../helpers/kubernetes.ts';

/** Clusters with one namespace, and short names for the actions of their users. */
export function clusters(names: readonly string[], options: FieldOptions = {}): Field {
  const field = createField(names, options);
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } };
  for (const target of field.caches.keys()) field.put(target, namespace);
  return field;
}

export const target = (name: string): Target => (name === 'hub' ? hub : (name as ClusterName));

export function webService(name: string, spec: object = {}, metadata: object = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', ...metadata },
    spec: {
      type: 'ClusterIP',
      ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }],
      selector: { app: name },
      sessionAffinity: 'None',
      ipFamilies: ['IPv4'],
      internalTrafficPolicy: 'Cluster',
      ...spec,
    },
  };
}

/** The slice that a cluster's own controller makes of a Service's pods. */
export function nativeSlice(
  of: string,
  cluster: string,
  addresses: readonly string[],
  options: Parameters<typeof slice>[3] = {},
) {
  return slice(of, `${of}-${cluster}`, addresses, options);
}

export function serviceExport(name: string, metadata: object = {}, spec?: object) {
  return {
    apiVersion: 'multicluster.x-k8s.io/v1alpha1',
    kind: 'ServiceExport',
    metadata: { name, namespace: 'default', ...metadata },
    ...(spec === undefined ? {} : { spec }),
  };
}

export function multiClusterService(name: string, providers: readonly string[], consumers: readonly string[]) {
  const named = (clusterNames: readonly string[]) => clusterNames.map((cluster) => ({ name: cluster }));
  return {
    apiVersion: 'networking.karmada.io/v1alpha1',
    kind: 'MultiClusterService',
    metadata: { name, namespace: 'default' },
    spec: {
      types: ['CrossCluster'],
      ...(providers.length > 0 ? { providerClusters: named(providers) } : {}),
      ...(consumers.length > 0 ? { consumerClusters: named(consumers) } : {}),
    },
  };
}

/** Slices of a Service in a cluster by readable name, without the hash, with their addresses. */
export function slicesIn(field: Field, cluster: string, service: string): Record<string, readonly string[]> {
  const found = field.caches.get(target(cluster))?.slicesOf(`default/${service}`) ?? [];
  return Object.fromEntries(
    found
      .map(({ name, fields }) => {
        const endpoints = (fields.endpoints ?? []) as readonly { readonly addresses: readonly string[] }[];
        return [name.replace(/-[0-9a-f]{6}$/, ''), endpoints.flatMap(({ addresses }) => addresses)] as const;
      })
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

export function objectIn(field: Field, cluster: string, kind: keyof typeof kinds, name: string) {
  return field.caches.get(target(cluster))?.get({ ...kinds[kind], namespace: 'default', name });
}
