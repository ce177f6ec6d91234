import type { ClusterObjects } from '../../compiler/compile.ts';
import type { ClusterName } from '../../compiler/values/names.ts';

/* Objects of large clusters, the same for the same numbers: Services of one TCP port with equally many endpoints. */

/** The numbers of objects; endpoints are those of each Service in each cluster. */
export interface Shape {
  readonly services: number;
  readonly endpointsEach: number;
  readonly clusters: number;
}

/** One cluster, with its node. */
export function clusterObjects(services: number, endpointsEach: number): unknown[] {
  return [node, ...Array.from({ length: services }, (_, i) => serviceObjects(i, endpointsOf(i, endpointsEach))).flat()];
}

/** The Service with this number, and its slice. */
export function serviceObjects(i: number, endpoints: readonly string[]): [service: object, slice: object] {
  return [serviceObject(i), sliceObject(i, endpoints)];
}

/**
 * Services whose endpoints are only in further clusters, with the same number in each: the local cluster accepts all
 * their offers. With one cluster, everything is in the local one.
 */
export function fanIn({ services, endpointsEach, clusters }: Shape): ClusterObjects[] {
  const numbers = Array.from({ length: services }, (_, i) => i);
  if (clusters === 1) return [{ cluster: undefined, objects: clusterObjects(services, endpointsEach) }];
  return [
    { cluster: undefined, objects: [node, ...numbers.map((i) => serviceObject(i, accepting))] },
    ...clusterNames(clusters).map((cluster, nth) => ({
      cluster,
      objects: numbers.flatMap((i) => offer(i, endpointsOf(nth * services + i, endpointsEach))),
    })),
  ];
}

/** The first of the further clusters; bench rows declare it lost. */
export const east = 'east-1' as ClusterName;

export function clusterNames(clusters: number): ClusterName[] {
  return Array.from({ length: clusters }, (_, nth) => `east-${nth + 1}` as ClusterName);
}

/**
 * Two clusters: every second Service has one of its five endpoints in the further one, which is a tenth of all
 * endpoints.
 */
export function withTenthElsewhere(services: number): ClusterObjects[] {
  const all = Array.from({ length: services }, (_, i) => {
    const endpoints = endpointsOf(i, 5);
    return i % 2 === 0
      ? { own: serviceObjects(i, endpoints), elsewhere: [] }
      : {
          own: [serviceObject(i, accepting), sliceObject(i, endpoints.slice(0, 4))],
          elsewhere: offer(i, endpoints.slice(4)),
        };
  });
  return [
    { cluster: undefined, objects: [node, ...all.flatMap(({ own }) => own)] },
    { cluster: east, objects: all.flatMap(({ elsewhere }) => elsewhere) },
  ];
}

/** A registry document of the further clusters, in which some are lost. */
export function registryObject(clusters: number, lost: readonly ClusterName[]): object {
  return {
    apiVersion: 'slicewright.dev/v1alpha1',
    kind: 'ClusterRegistry',
    clusters: clusterNames(clusters).map((id) => ({ id, state: lost.includes(id) ? 'Lost' : 'Alive' })),
  };
}

/** Addresses of the pods of a Service. */
export function endpointsOf(i: number, count: number): string[] {
  return Array.from({ length: count }, (_, n) => {
    const pod = i * count + n;
    return `10.${128 + (pod >> 16)}.${(pod >> 8) & 255}.${pod & 255}`;
  });
}

const namespace = 'bench';
const accepting = { 'slicewright.dev/accept-clusters': '*' };

function serviceObject(i: number, annotations: object = {}): object {
  const clusterIP = `10.13.${(i >> 8) + 1}.${i & 255}`;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: nameOf(i), namespace, annotations },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ipFamilies: ['IPv4'],
      ports: [{ protocol: 'TCP', port: 80, targetPort: 8080 }],
    },
  };
}

function sliceObject(i: number, endpoints: readonly string[]): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${nameOf(i)}-slice`,
      namespace,
      labels: {
        'kubernetes.io/service-name': nameOf(i),
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
    },
    addressType: 'IPv4',
    ports: [{ name: '', protocol: 'TCP', port: 8080 }],
    endpoints: endpoints.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  };
}

/** The objects that another cluster has for a Service: the export and the endpoints. */
function offer(i: number, endpoints: readonly string[]): object[] {
  const exported = {
    apiVersion: 'multicluster.x-k8s.io/v1alpha1',
    kind: 'ServiceExport',
    metadata: { name: nameOf(i), namespace },
  };
  return [exported, sliceObject(i, endpoints)];
}

function nameOf(i: number): string {
  return `service-${i}`;
}

const node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'bench' },
  spec: { podCIDRs: ['10.0.0.0/16'] },
  status: { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] },
};
