import { changeAt, hostileTexts, type Path, placesOf } from '../tables/hostile.ts';

/** Appears in hostile texts and nowhere else, so no text for a tool may contain it. */
export const attackers = ['EVIL', '6.6.6.6', 'dead:beef'] as const;

/**
 * Texts that end a line, a word, a quote, a command or a list in some tool's language, and then add content of their
 * own.
 */
const payloads: readonly string[] = [
  ...hostileTexts.filter((text) => text.length < 1000),
  'a\nCOMMIT\n*filter\n-I INPUT -s 6.6.6.6/32 -j ACCEPT\nCOMMIT\n*nat',
  'a"\n-A KUBE-SERVICES -d 10.96.0.1/32 -j DNAT --to-destination 6.6.6.6:80\n#"',
  'a\\',
  'a -j ACCEPT',
  'a accept',
  'a; add rule ip slicewright translate dnat to 6.6.6.6',
  'a }\nflush ruleset\nadd table ip evil {',
  'a" : goto endpoint/evil, 6.6.6.6 . tcp . 80 comment "b',
  'a/../../evil',
  'a\nadd KUBE-CLUSTER-IP 6.6.6.6,tcp:80',
  'a\n-A -t 6.6.6.6:80 -s rr',
  'a\naddress add 6.6.6.6/32 dev eth0',
  '10.1.0.1\n6.6.6.6',
  '10.1.0.1 6.6.6.6',
  '10.1.0.1/32 -j ACCEPT',
  '10.1.0.1:80 -w 65535',
  '10.1.0.1,tcp:80',
  'fe80::1%eth0',
  'fe80::1%6.6.6.6; accept',
  '010.1.0.1',
  '::ffff:10.1.0.66',
  '10.0.0.0/8,6.6.6.6/32',
  '0.0.0.0/0\n',
  '80\n',
  '80; accept',
  '80 -j ACCEPT',
  'TCP\n',
  'tcp -j ACCEPT',
  'ClientIP\n',
  'web\n',
  '\nweb',
  'we\u0000b',
  'wеb',
  '@clusterset',
  'a@b/c',
  '"',
  '\\"',
  "'",
  '#',
  '$(reboot)',
  '-',
  '--',
  '',
  ' ',
  '\t',
  '*',
  '__proto__',
  'constructor',
];

const nasty = ['\n', '"', "'", '\\', ';', '}', '{', '#', '\u0000', ' ', '\t', ',', ':', '/', '%', '\r', '\u2028', '$'];

const notTexts: readonly unknown[] = [
  ...[null, true, false, 0, -1, -0, 80.5, 1e21, Number.NaN, Number.POSITIVE_INFINITY, 65536, 2 ** 53],
  ...[[], {}, [[]], ['EVIL'], { EVIL: 'EVIL' }, { toString: 'EVIL' }, { length: 3 }],
];

type Random = () => number;
type Json = Readonly<Record<string, unknown>>;

function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T;
}

function times<T>(random: Random, most: number, make: () => T): T[] {
  return Array.from({ length: Math.floor(random() * (most + 1)) }, make);
}

/** A hostile value in place of a good one. */
function hostile(random: Random, before: unknown): unknown {
  const text = String(before);
  const chance = random();
  if (chance < 0.4) return pick(random, payloads);
  if (chance < 0.55) return `${text}${pick(random, payloads)}`;
  if (chance < 0.65) return `${pick(random, payloads)}${text}`;
  if (chance < 0.8) {
    const at = Math.floor(random() * (text.length + 1));
    return `${text.slice(0, at)}${pick(random, nasty)}${text.slice(at)}`;
  }
  return chance < 0.9 ? pick(random, notTexts) : [before];
}

const names = ['web', 'api', 'db', 'web.v2', 'a'];
const namespaces = ['shop', 'default'];
const portNames = ['http', 'dns', ''];
const families = ['IPv4', 'IPv6'] as const;

function metadata(random: Random, name: string, more: Json = {}): Json {
  return { name, namespace: pick(random, namespaces), ...more };
}

function address(random: Random, family: (typeof families)[number], net: number): string {
  const host = 1 + Math.floor(random() * 250);
  return family === 'IPv4' ? `10.${net}.0.${host}` : `fd00:${net}::${host.toString(16)}`;
}

function anyAddress(random: Random, net: number): string {
  return address(random, pick(random, families), net);
}

const servicePort = (random: Random, i: number): Json => ({
  name: pick(random, portNames) || `p${i}`,
  port: 80 + i,
  targetPort: 8080,
  protocol: pick(random, ['TCP', 'UDP', 'SCTP']),
  nodePort: 30000 + Math.floor(random() * 2000),
  appProtocol: 'http',
});

function service(random: Random): Json {
  const ips = families.map((family) => address(random, family, 96));
  const order = random() < 0.5 ? ips : ips.toReversed();
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata(random, pick(random, names), {
      labels: { app: 'web' },
      annotations: {
        'slicewright.dev/accept-clusters': '*',
        'slicewright.dev/cluster-weights': 'local=3,east=1',
        'service.kubernetes.io/topology-mode': 'Auto',
      },
      creationTimestamp: '2026-01-01T00:00:00Z',
    }),
    spec: {
      type: pick(random, ['ClusterIP', 'NodePort', 'LoadBalancer', 'LoadBalancer']),
      clusterIP: order[0],
      clusterIPs: order,
      ipFamilies: order.map((ip) => (ip.includes(':') ? 'IPv6' : 'IPv4')),
      ports: Array.from({ length: 1 + Math.floor(random() * 2) }, (_, i) => servicePort(random, i)),
      externalIPs: times(random, 2, () => anyAddress(random, 97)),
      loadBalancerSourceRanges: times(random, 2, () => pick(random, ['192.0.2.0/24', '2001:db8::/32', '0.0.0.0/0'])),
      sessionAffinity: pick(random, ['None', 'ClientIP']),
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 600 } },
      externalTrafficPolicy: pick(random, ['Cluster', 'Local']),
      internalTrafficPolicy: pick(random, ['Cluster', 'Local']),
      healthCheckNodePort: 32000 + Math.floor(random() * 700),
      trafficDistribution: pick(random, ['PreferClose', 'PreferSameNode']),
    },
    status: { loadBalancer: { ingress: times(random, 2, () => ({ ip: anyAddress(random, 98), ipMode: 'VIP' })) } },
  };
}

function slice(random: Random): Json {
  const family = pick(random, families);
  const of = pick(random, names);
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: metadata(random, `${of}-${Math.floor(random() * 50)}`, {
      labels: {
        'kubernetes.io/service-name': of,
        'endpointslice.kubernetes.io/managed-by': pick(random, [
          'endpointslice-controller.k8s.io',
          'endpointslice-dispatch-controller.karmada.io',
        ]),
        'multicluster.kubernetes.io/source-cluster': 'east',
      },
      annotations: { 'endpointslice.karmada.io/provision-cluster': 'east' },
    }),
    addressType: family,
    ports: portNames.map((name) => ({ name, port: 8080, protocol: pick(random, ['TCP', 'UDP', 'SCTP']) })),
    endpoints: times(random, 3, () => ({
      addresses: [address(random, family, 1 + Math.floor(random() * 3))],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: pick(random, ['n1', 'n2']),
      zone: 'z1',
      hints: { forZones: [{ name: 'z1' }] },
    })),
  };
}

function node(random: Random, name: string): Json {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: { 'topology.kubernetes.io/zone': 'z1' },
      annotations: { 'slicewright.dev/local-addresses': '192.168.0.9,fd70::9' },
    },
    spec: { podCIDRs: ['10.1.0.0/24', 'fd00:1::/64'], taints: [{ key: 'a' }] },
    status: { addresses: families.map((family) => ({ type: 'InternalIP', address: address(random, family, 70) })) },
  };
}

const others: readonly ((random: Random) => Json)[] = [
  (random) => ({
    apiVersion: 'multicluster.x-k8s.io/v1alpha1',
    kind: 'ServiceImport',
    metadata: metadata(random, pick(random, names), {
      annotations: { 'multicluster.kubernetes.io/derived-service': 'web', 'slicewright.dev/accept-clusters': '*' },
    }),
    spec: { type: 'ClusterSetIP', ips: [anyAddress(random, 99)], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
    status: { clusters: [{ cluster: 'east' }] },
  }),
  (random) => ({
    apiVersion: 'multicluster.x-k8s.io/v1alpha1',
    kind: 'ServiceExport',
    metadata: metadata(random, pick(random, names)),
  }),
  (random) => ({
    apiVersion: 'networking.karmada.io/v1alpha1',
    kind: 'MultiClusterService',
    metadata: metadata(random, pick(random, names)),
    spec: { providerClusters: [{ name: 'east' }], consumerClusters: [{ name: 'home' }], types: ['CrossCluster'] },
  }),
  () => ({
    apiVersion: 'about.k8s.io/v1alpha1',
    kind: 'ClusterProperty',
    metadata: { name: 'cluster.clusterset.k8s.io' },
    spec: { value: 'home' },
  }),
  (random) => ({ apiVersion: 'v1', kind: 'Endpoints', metadata: metadata(random, pick(random, names)), subsets: [] }),
  (random) => node(random, 'n2'),
];

/** Replaces one of its keys: maps of labels are accessed by names that anyone may write. */
function withHostileKey(random: Random, object: Json): Json {
  const key = pick(random, payloads);
  const field = pick(random, ['labels', 'annotations']);
  const { metadata: of } = object as { readonly metadata: Json };
  return { ...object, metadata: { ...of, [field]: { ...(of[field] as Json), [key]: pick(random, payloads) } } };
}

function damaged(random: Random, object: Json): Json {
  let after: unknown = random() < 0.05 ? withHostileKey(random, object) : object;
  for (let left = Math.floor(random() * 3); left > 0; left--) {
    const places: readonly Path[] = placesOf(after);
    const place = pick(random, places);
    // An object of another kind would only be skipped.
    if (place.length === 1 && random() < 0.9) continue;
    after = changeAt(after, place, (before) => hostile(random, before));
  }
  return after as Json;
}

export interface HostileClusters {
  readonly own: readonly Json[];
  readonly east: readonly Json[];
}

export const objectsOfBatch = 40;

/** Forty objects of two clusters; most have one or two hostile fields among good ones. */
export function hostileClusters(random: Random): HostileClusters {
  const any = (): Json => {
    const chance = random();
    return damaged(
      random,
      chance < 0.35 ? service(random) : chance < 0.8 ? slice(random) : pick(random, others)(random),
    );
  };
  const own = [damaged(random, node(random, 'n1')), ...Array.from({ length: 27 }, any)];
  return { own, east: Array.from({ length: objectsOfBatch - own.length }, any) };
}
