import type { ApiDouble } from '../apiserver/double.ts';
import { type Manifest, node } from '../packets/objects.ts';
import { randomNumbers } from '../helpers/numbers.ts';

/** Three clusters with the same Services, whose endpoints change all the time. The same for the same seed. */
export interface Fleet {
  /** Fills the API servers. */
  populate(): void;
  /** Changes one slice of one cluster. */
  change(): void;
  /** The objects that each cluster holds now. */
  objects(): Readonly<Record<Member, readonly Manifest[]>>;
  /** Cluster IPs, each of which has an endpoint at all times. */
  readonly addresses: readonly string[];
}

/** `own` is member2, the cluster of the node. */
export const members = ['own', 'member1', 'member3'] as const;
export type Member = (typeof members)[number];

/** Addresses of endpoints that each cluster may have. The first address of the local cluster is always there. */
const places: Readonly<Record<Member, readonly string[]>> = {
  own: ['10.12.0.6', '10.12.0.7', '10.12.0.8', '10.12.0.9'],
  member1: ['10.10.0.6', '10.10.0.7'],
  member3: ['10.10.0.8', '10.10.0.9'],
};

export function createFleet(
  doubles: Readonly<Record<Member, ApiDouble>>,
  size: number,
  seed: number,
  accepted = '*',
): Fleet {
  const random = randomNumbers(seed);
  const pick = (count: number): number => Math.floor(random() * count);
  const held: Record<Member, Map<string, Manifest>> = { own: new Map(), member1: new Map(), member3: new Map() };

  function put(member: Member, object: Manifest): void {
    const { name } = object['metadata'] as { readonly name: string };
    held[member].set(`${String(object['kind'])} ${name}`, object);
    doubles[member].apply(object as never);
  }

  function putSlice(member: Member, i: number): void {
    const [first, ...others] = places[member];
    const some = others.filter(() => random() < 0.5);
    const isSteady = member === 'own';
    put(member, slice(i, isSteady || random() < 0.5 ? [first ?? '', ...some] : some));
  }

  return {
    addresses: Array.from({ length: size }, (_, i) => clusterIp(i)),
    populate() {
      put('own', node);
      for (let i = 0; i < size; i++) {
        put('own', service(i, accepted));
        putSlice('own', i);
        for (const member of ['member1', 'member3'] as const) {
          // Half of the Services span clusters.
          if (i % 2 === 1) continue;
          put(member, exported(i));
          putSlice(member, i);
        }
      }
    },
    change() {
      const member = members[pick(members.length)] ?? 'own';
      putSlice(member, member === 'own' ? pick(size) : 2 * pick(size / 2));
    },
    objects: () => ({
      own: [...held.own.values()],
      member1: [...held.member1.values()],
      member3: [...held.member3.values()],
    }),
  };
}

function clusterIp(i: number): string {
  return `10.13.${100 + Math.floor(i / 250)}.${1 + (i % 250)}`;
}

export const namespace = 'fleet';

function service(i: number, accepted: string): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `s${i}`, namespace, annotations: { 'slicewright.dev/accept-clusters': accepted } },
    spec: {
      type: 'ClusterIP',
      clusterIP: clusterIp(i),
      clusterIPs: [clusterIp(i)],
      ipFamilies: ['IPv4'],
      ports: [{ protocol: 'TCP', port: 80, targetPort: 8080 }],
    },
    status: { loadBalancer: {} },
  };
}

function slice(i: number, addresses: readonly string[]): Manifest {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `s${i}-a`,
      namespace,
      labels: {
        'kubernetes.io/service-name': `s${i}`,
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
    },
    addressType: 'IPv4',
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: addresses.map((address) => ({
      addresses: [address],
      conditions: { ready: true, serving: true, terminating: false },
    })),
  };
}

function exported(i: number): Manifest {
  return {
    apiVersion: 'multicluster.x-k8s.io/v1alpha1',
    kind: 'ServiceExport',
    metadata: { name: `s${i}`, namespace },
  };
}
