import type { End, Host, Topology } from './topology.ts';

/**
 * Two clusters with a flat network, as the multi-cluster Services of this project need it, and
 * someone outside. Rules are compiled for and loaded into `member2-node`.
 *
 *     member2: pod 10.12.0.6 ─┐                        ┌─ pod 10.10.0.6 :member1
 *           client 10.12.0.10 ┴─ node 172.18.0.12 ─┬───┴─ node 172.18.0.11
 *                                                  └───── outside 172.18.0.99
 *
 * IPv6 alike: fd00:12::6, fd00:12::10, fd00:10::6, fd00:18::12, ::11, ::99. The hosts `pod` and
 * `remote` have more addresses, .6 to .9, for further endpoints; `client` .10 to .59 and `outside`
 * .98 and .99 to be several clients.
 */
export const member2Node = { IPv4: '172.18.0.12', IPv6: 'fd00:18::12' } as const;
export const member1Node = { IPv4: '172.18.0.11', IPv6: 'fd00:18::11' } as const;
export const outside = { IPv4: '172.18.0.99', IPv6: 'fd00:18::99' } as const;
export const clientPod = { IPv4: '10.12.0.10', IPv6: 'fd00:12::10' } as const;
/**
 * Destinations that {@link outside} sends to member2's node: pods, cluster IPs, and addresses of load balancers and
 * owners.
 */
const routedRanges = ['10.12.0.0/15', 'fd00:12::/31', '203.0.113.0/24', '2001:db8:113::/64'];

/** The node's own addresses on every wire to one of its pods: a masqueraded pod sees these. */
const gateways = { 'member2-node': ['10.12.0.1', 'fd00:12::1'], 'member1-node': ['10.10.0.1', 'fd00:10::1'] } as const;

const pods = [
  { host: 'pod', node: 'member2-node', addresses: [6, 7, 8, 9].flatMap((n) => [`10.12.0.${n}`, `fd00:12::${n}`]) },
  {
    host: 'client',
    node: 'member2-node',
    addresses: [...Array.from({ length: 50 }, (_, i) => `10.12.0.${10 + i}`), clientPod.IPv6],
  },
  { host: 'remote', node: 'member1-node', addresses: [6, 7, 8, 9].flatMap((n) => [`10.10.0.${n}`, `fd00:10::${n}`]) },
] as const;

export const twoClusters: Topology = {
  hosts: [
    { name: 'lan', role: 'switch' },
    {
      name: 'member2-node',
      role: 'router',
      routes: [
        ...podRoutes('member2-node'),
        // A cluster IP must be routable before it is translated: hence the default routes.
        ...throughNode(['10.10.0.0/16', 'fd00:10::/64', 'default'], member1Node),
      ],
      // kube-proxy sets it so that node ports answer on 127.0.0.1.
      sysctls: { 'net.ipv4.conf.all.route_localnet': '1' },
    },
    {
      name: 'member1-node',
      role: 'router',
      routes: [...podRoutes('member1-node'), ...throughNode(['10.12.0.0/16', 'fd00:12::/64'], member2Node)],
    },
    {
      name: 'outside',
      role: 'endpoint',
      routes: throughNode(routedRanges, member2Node),
    },
    ...pods.map(podHost),
  ],
  wires: [
    lanWire('member1-node', member1Node),
    lanWire('member2-node', member2Node),
    lanWire('outside', outside, { IPv4: '172.18.0.98', IPv6: 'fd00:18::98' }),
    ...pods.map(podWire),
  ],
};

type Pod = (typeof pods)[number];

function podHost({ host, node }: Pod): Host {
  const routes = gateways[node].flatMap((gateway) => [`${gateway} dev eth0`, `default via ${gateway}`]);
  return { name: host, role: 'endpoint', routes };
}

function podWire({ host, node, addresses }: Pod): readonly [End, End] {
  return [
    { host, interface: 'eth0', addresses: addresses.map(alone) },
    { host: node, interface: `pod-${host}`, addresses: gateways[node].map(alone) },
  ];
}

/** An address without its network's length. */
function alone(address: string): string {
  return `${address}/${address.includes(':') ? 128 : 32}`;
}

function podRoutes(node: string): string[] {
  return pods
    .filter((pod) => pod.node === node)
    .flatMap((pod) => pod.addresses.map((address) => `${address} dev pod-${pod.host}`));
}

type Addresses = Readonly<Record<'IPv4' | 'IPv6', string>>;

function lanWire(host: string, ...addresses: readonly Addresses[]): readonly [End, End] {
  return [
    { host, interface: 'eth0', addresses: addresses.flatMap(({ IPv4, IPv6 }) => [`${IPv4}/24`, `${IPv6}/64`]) },
    { host: 'lan', interface: `to-${host}` },
  ];
}

function throughNode(ranges: readonly string[], node: Addresses): string[] {
  return ranges.flatMap((range) => {
    if (range === 'default') return [`default via ${node.IPv4}`, `default via ${node.IPv6}`];
    return [`${range} via ${range.includes(':') ? node.IPv6 : node.IPv4}`];
  });
}
