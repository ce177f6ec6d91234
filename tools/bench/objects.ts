/** Objects of a large cluster, the same for the same numbers: Services of one TCP port with equally many endpoints. */
export function clusterObjects(services: number, endpointsEach: number): unknown[] {
  return [node, ...Array.from({ length: services }, (_, i) => serviceObjects(i, endpointsOf(i, endpointsEach))).flat()];
}

/** The Service of a number and its slice. */
export function serviceObjects(i: number, endpoints: readonly string[]): unknown[] {
  const name = `service-${i}`;
  const clusterIP = `10.13.${(i >> 8) + 1}.${i & 255}`;
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'bench' },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ipFamilies: ['IPv4'],
      ports: [{ protocol: 'TCP', port: 80, targetPort: 8080 }],
    },
  };
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-slice`, namespace: 'bench', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: '', protocol: 'TCP', port: 8080 }],
    endpoints: endpoints.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  };
  return [service, slice];
}

/** Addresses of the pods of a Service. */
export function endpointsOf(i: number, count: number): string[] {
  return Array.from({ length: count }, (_, n) => {
    const pod = i * count + n;
    return `10.${128 + (pod >> 16)}.${(pod >> 8) & 255}.${pod & 255}`;
  });
}

const node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'bench' },
  spec: { podCIDRs: ['10.128.0.0/9'] },
  status: { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] },
};
