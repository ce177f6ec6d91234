/** Kubernetes objects for tests, as an API server would give them: short to write, plain JSON inside. */

export interface ServiceOptions {
  readonly namespace?: string;
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly created?: string;
  readonly status?: Record<string, unknown>;
}

/** A Service `default/<name>`; by default its spec is port 80/TCP at 10.96.0.1. */
export function service(name: string, spec: Record<string, unknown> = {}, options: ServiceOptions = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      namespace: options.namespace ?? 'default',
      name,
      ...(options.labels && { labels: options.labels }),
      ...(options.annotations && { annotations: options.annotations }),
      ...(options.created && { creationTimestamp: options.created }),
    },
    spec: { clusterIP: '10.96.0.1', ports: [{ port: 80, protocol: 'TCP' }], ...spec },
    ...(options.status && { status: options.status }),
  };
}

/** The same, but it accepts other clusters' exports. */
export function openService(name: string, spec: Record<string, unknown> = {}, options: ServiceOptions = {}) {
  const annotations = { ...options.annotations, 'slicewright.dev/accept-clusters': '*' };
  return service(name, spec, { ...options, annotations });
}

export interface EndpointOptions {
  readonly node?: string;
  readonly zone?: string;
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
  readonly forZones?: readonly string[];
  readonly forNodes?: readonly string[];
}

export function endpoint(address: string, options: EndpointOptions = {}) {
  const { node, zone, ready, serving, terminating, forZones, forNodes } = options;
  return {
    addresses: [address],
    conditions: {
      ready: ready ?? true,
      ...(serving !== undefined && { serving }),
      ...(terminating !== undefined && { terminating }),
    },
    ...(node && { nodeName: node }),
    ...(zone && { zone }),
    ...((forZones || forNodes) && {
      hints: {
        ...(forZones && { forZones: forZones.map((zoneName) => ({ name: zoneName })) }),
        ...(forNodes && { forNodes: forNodes.map((nodeName) => ({ name: nodeName })) }),
      },
    }),
  };
}

/** ready false, serving, terminating: used as the last resort. */
export const leaving = { ready: false, serving: true, terminating: true };

export interface SliceOptions {
  readonly namespace?: string;
  readonly ports?: readonly Record<string, unknown>[] | null;
  readonly addressType?: string;
  /** `native` (the default), `dispatch`, `import`, or the text of the managed-by label; empty: without that label. */
  readonly by?: string;
  readonly provisionCluster?: string;
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
}

const managers: Readonly<Record<string, string>> = {
  native: 'endpointslice-controller.k8s.io',
  dispatch: 'endpointslice-dispatch-controller.karmada.io',
  import: 'endpointslice-controller.karmada.io',
};

/** A slice of Service `default/<of>`, by default native and with port 8080/TCP. Endpoints may be bare addresses. */
export function slice(
  of: string,
  name: string,
  endpoints: readonly (string | Record<string, unknown>)[] | null,
  options: SliceOptions = {},
) {
  const { by = 'native', provisionCluster } = options;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace: options.namespace ?? 'default',
      name,
      labels: {
        'kubernetes.io/service-name': of,
        ...(by !== '' && { 'endpointslice.kubernetes.io/managed-by': managers[by] ?? by }),
        ...options.labels,
      },
      annotations: {
        ...(provisionCluster && { 'endpointslice.karmada.io/provision-cluster': provisionCluster }),
        ...options.annotations,
      },
    },
    addressType: options.addressType ?? 'IPv4',
    ports: options.ports === undefined ? [{ name: '', port: 8080, protocol: 'TCP' }] : options.ports,
    endpoints: endpoints && endpoints.map((item) => (typeof item === 'string' ? endpoint(item) : item)),
  };
}

/** A slice that Karmada's MultiClusterService dispatched from another cluster. */
export function dispatched(
  of: string,
  cluster: string,
  endpoints: readonly (string | Record<string, unknown>)[],
  options: SliceOptions = {},
) {
  return slice(of, `${cluster}-${of}-x`, endpoints, { by: 'dispatch', provisionCluster: cluster, ...options });
}

/** A ServiceImport `default/<name>`; by default port 80/TCP at 10.97.0.1. */
export function serviceImport(name: string, spec: Record<string, unknown> = {}, options: ServiceOptions = {}) {
  return {
    apiVersion: 'multicluster.x-k8s.io/v1beta1',
    kind: 'ServiceImport',
    metadata: { namespace: 'default', name, ...(options.annotations && { annotations: options.annotations }) },
    spec: { type: 'ClusterSetIP', ips: ['10.97.0.1'], ports: [{ port: 80, protocol: 'TCP' }], ...spec },
    ...(options.status && { status: options.status }),
  };
}

export function serviceExport(name: string) {
  return {
    apiVersion: 'multicluster.x-k8s.io/v1beta1',
    kind: 'ServiceExport',
    metadata: { namespace: 'default', name },
  };
}

/** Karmada's MultiClusterService `default/<name>`, by default for all clusters. */
export function multiClusterService(name: string, spec: Record<string, unknown> = {}) {
  return {
    apiVersion: 'networking.karmada.io/v1alpha1',
    kind: 'MultiClusterService',
    metadata: { namespace: 'default', name },
    spec: { types: ['CrossCluster'], ...spec },
  };
}

/** A slice that feeds a ServiceImport, as controllers of the MCS API write them. */
export function imported(
  of: string,
  cluster: string,
  endpoints: readonly (string | Record<string, unknown>)[],
  options: SliceOptions = {},
) {
  const written = slice(of, `${of}-${cluster}`, endpoints, { by: 'lighthouse-agent.submariner.io', ...options });
  const { 'kubernetes.io/service-name': _none, ...labels } = written.metadata.labels as Record<string, string>;
  const mcs = { 'multicluster.kubernetes.io/service-name': of, 'multicluster.kubernetes.io/source-cluster': cluster };
  return { ...written, metadata: { ...written.metadata, labels: { ...labels, ...mcs } } };
}

export interface NodeOptions {
  readonly zone?: string;
  readonly addresses?: readonly string[];
  readonly podCIDRs?: readonly string[];
  readonly annotations?: Record<string, string>;
}

export function node(name: string, options: NodeOptions = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: options.zone === undefined ? {} : { 'topology.kubernetes.io/zone': options.zone },
      annotations: options.annotations ?? {},
    },
    spec: { podCIDRs: options.podCIDRs ?? [] },
    status: { addresses: (options.addresses ?? []).map((address) => ({ type: 'InternalIP', address })) },
  };
}
