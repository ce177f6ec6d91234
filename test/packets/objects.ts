import type { Protocol } from '../../compiler/values/port.ts';

/** A Kubernetes object as an API server would give it. */
export type Manifest = Readonly<Record<string, unknown>>;

/** The fields that a test sets on a Service; the API server's defaults fill the rest. */
interface ServiceSketch {
  readonly clusterIPs: readonly string[];
  readonly port: number;
  readonly protocol?: Protocol;
  readonly nodePort?: number;
  /** Addresses of its load balancer. */
  readonly ingress?: readonly string[];
  /** `type`, `externalIPs`, `sessionAffinity` …, as in an object. */
  readonly spec?: Readonly<Record<string, unknown>>;
  /** All on one port. The address decides cluster and node, see {@link slices}. */
  readonly endpoints: readonly string[];
  readonly endpointPort: number;
}

/** A Service of namespace `test` and its slices. */
export function service(name: string, sketch: ServiceSketch): Manifest[] {
  const { clusterIPs, port, protocol = 'TCP', nodePort, ingress = [] } = sketch;
  const object = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'test' },
    spec: {
      type: 'ClusterIP',
      clusterIP: clusterIPs[0],
      clusterIPs,
      ipFamilies: clusterIPs.map((address) => (address.includes(':') ? 'IPv6' : 'IPv4')),
      ports: [{ protocol, port, targetPort: sketch.endpointPort, ...(nodePort !== undefined && { nodePort }) }],
      ...sketch.spec,
    },
    status: { loadBalancer: { ingress: ingress.map((ip) => ({ ip })) } },
  };
  return [object, ...slices(name, sketch.endpoints, sketch.endpointPort, protocol)];
}

/**
 * The slices of a Service, one a cluster and family: 10.10 and fd00:10 are pods of member1,
 * dispatched by Karmada; 10.12 and fd00:12 are pods on the node of member2.
 */
export function slices(
  serviceName: string,
  endpoints: readonly string[],
  port: number,
  protocol: Protocol = 'TCP',
): Manifest[] {
  const groups = Map.groupBy(endpoints, (address) => {
    const member = /^(10\.10\.|fd00:10:)/.test(address) ? 'member1' : 'member2';
    return `${member} ${address.includes(':') ? 'IPv6' : 'IPv4'}`;
  });
  return [...groups].map(([group, addresses]) => {
    const [member = '', family = ''] = group.split(' ');
    return {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: metadata(serviceName, member, family),
      addressType: family,
      ports: [{ name: '', port, protocol }],
      endpoints: addresses.map((address) => ({
        addresses: [address],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: `${member}-node`,
      })),
    };
  });
}

function metadata(serviceName: string, member: string, family: string): Manifest {
  const dispatched = member !== 'member2';
  const name = `${serviceName}-${family.toLowerCase()}`;
  return {
    namespace: 'test',
    name: dispatched ? `${member}-${name}` : name,
    labels: {
      'kubernetes.io/service-name': serviceName,
      'endpointslice.kubernetes.io/managed-by': dispatched
        ? 'endpointslice-dispatch-controller.karmada.io'
        : 'endpointslice-controller.k8s.io',
    },
    annotations: dispatched ? { 'endpointslice.karmada.io/provision-cluster': member } : {},
  };
}

/** The node that every program of these tests is compiled for. */
export const node: Manifest = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: 'member2-node',
    annotations: { 'slicewright.dev/local-addresses': '172.18.0.12,fd00:18::12,10.12.0.1,fd00:12::1' },
  },
  spec: { podCIDRs: ['10.12.0.0/16', 'fd00:12::/64'] },
  status: {
    addresses: [
      { type: 'InternalIP', address: '172.18.0.12' },
      { type: 'InternalIP', address: 'fd00:18::12' },
    ],
  },
};
