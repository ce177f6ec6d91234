import { nothingContested } from '../../compiler/ir/contested.ts';
import { contentHash } from '../../compiler/ir/hash.ts';
import type { Endpoint, Frontend, Route, ServicePortIR } from '../../compiler/ir/ir.ts';
import type { LocalDetector, NodeContext } from '../../compiler/ir/node-context.ts';
import { type ChainPrefix, parseInterfaceName } from '../../compiler/settings.ts';
import { type Cidr, type Family, type IpAddress, parseAddress, parseCidr } from '../../compiler/values/address.ts';
import {
  parseNamespace,
  parseObjectName,
  parsePortName,
  serviceKey,
  servicePortId,
} from '../../compiler/values/names.ts';
import { parsePort, type Protocol } from '../../compiler/values/port.ts';
import type { Target } from '../target.ts';

/*
 * Service ports and nodes that together make a backend write every kind of rule that it can write, so that the kinds need
 * no second list beside the code that makes programs. What varies from Service to Service (addresses, ports, names, shares)
 * has one value here; what changes which rules there are has every one. vocabulary.test.ts holds that no program of random
 * Services and nodes has another kind.
 */
export function exemplars(family: Family, chainPrefix: ChainPrefix): readonly Target[] {
  const [node, ...others] = exemplarNodes(family, chainPrefix);
  const all = servicesOf(family, allShapes(family));
  const few = servicesOf(family, fewShapes(family));
  return [{ services: all, node }, ...others.map((other) => ({ services: few, node: other }))];
}

function allShapes(family: Family): Shape[] {
  const { ranges, everyone } = valuesOf(family);
  const pools = { pool: ['plain', 'weighted', 'remote', 'single', 'none'], isSticky: [false, true] } as const;
  const policies = { keepClientAddress: [false, true], internalLocal: [false, true] };
  return [
    ...product<Shape>({
      ...pools,
      ...policies,
      ranges: [[], ranges, ranges.slice(0, 1), [everyone]],
      protocol: ['TCP'],
    }),
    ...product<Shape>({ ...pools, ...policies, ranges: [[]], protocol: ['UDP', 'SCTP'] }),
  ];
}

/** Shapes whose rules depend on the node too. */
function fewShapes(family: Family): Shape[] {
  const { ranges } = valuesOf(family);
  return product<Shape>({
    ...{
      pool: ['plain', 'weighted', 'remote'],
      isSticky: [false],
      ranges: [ranges, ranges.slice(0, 1)],
      protocol: ['TCP'],
    },
    ...{ keepClientAddress: [false, true], internalLocal: [false, true] },
  });
}

function servicesOf(family: Family, shapes: readonly Shape[]): ServicePortIR[] {
  return shapes.map((shape, i) => exemplarService(family, shape, i));
}

interface Shape {
  readonly pool: 'plain' | 'weighted' | 'remote' | 'single' | 'none';
  readonly isSticky: boolean;
  readonly keepClientAddress: boolean;
  readonly internalLocal: boolean;
  readonly ranges: readonly Cidr[];
  readonly protocol: Protocol;
}

function exemplarService(family: Family, shape: Shape, i: number): ServicePortIR {
  const { protocol, keepClientAddress, pool } = shape;
  const cluster = poolOf(family, pool);
  const local = cluster.filter((endpoint) => endpoint.local);
  const service = serviceKey(must(parseNamespace('exemplar')), must(parseObjectName(`s${i}`)));
  const portName = must(parsePortName('port'));
  const content = {
    id: servicePortId(service, portName, protocol, family),
    ...{ service, portName, family, protocol, keepClientAddress },
    frontends: frontendsOf(family, shape.ranges, i),
    pools: { cluster, local },
    internal: routeTo(cluster, local, shape.internalLocal),
    external: routeTo(cluster, local, keepClientAddress),
    affinity: shape.isSticky ? ({ kind: 'clientIP', seconds: 60 } as const) : ({ kind: 'none' } as const),
    healthCheckNodePort: keepClientAddress ? must(parsePort(31_000)) : undefined,
    known: cluster.map(({ address, port, local: isLocal }) => ({
      ...{ address, port, local: isLocal, ready: true, serving: true },
    })),
    origin: [],
  };
  return { ...content, hash: contentHash(content) };
}

function poolOf(family: Family, pool: Shape['pool']): readonly Endpoint[] {
  const [first, second, third] = valuesOf(family).endpoints;
  const port = must(parsePort(8080));
  const endpoint = (address: IpAddress, more: Partial<Endpoint>): Endpoint => ({
    ...{ address, port, weight: 1, local: false, masquerade: false, cluster: undefined },
    ...more,
  });
  switch (pool) {
    case 'plain':
      return [endpoint(first, { local: true }), endpoint(second, { local: true }), endpoint(third, {})];
    case 'weighted':
      // So far apart that no list of copies can balance them.
      return [
        endpoint(first, { local: true, weight: 999 }),
        endpoint(second, { local: true }),
        endpoint(third, { masquerade: true }),
      ];
    case 'remote':
      return [endpoint(second, { weight: 999 }), endpoint(first, {})];
    case 'single':
      return [endpoint(first, { local: true, masquerade: true })];
    case 'none':
      return [];
  }
}

function routeTo(cluster: readonly Endpoint[], local: readonly Endpoint[], onlyLocal: boolean): Route {
  if (cluster.length === 0) return { kind: 'reject', why: 'no-endpoints' };
  if (!onlyLocal) return { kind: 'forward', pool: 'cluster' };
  return local.length === 0 ? { kind: 'drop', why: 'no-local-endpoints' } : { kind: 'forward', pool: 'local' };
}

/** At ports of its own, so that no two Services claim the same place. */
function frontendsOf(family: Family, sourceRanges: readonly Cidr[], i: number): Frontend[] {
  const [internal, clusterSet, external, balancer, second] = valuesOf(family).frontends;
  const port = must(parsePort(80 + i));
  return [
    { kind: 'clusterIP', address: internal, port },
    { kind: 'clusterSetIP', address: clusterSet, port },
    { kind: 'externalIP', address: external, port },
    { kind: 'loadBalancerIP', address: balancer, port, sourceRanges },
    { kind: 'loadBalancerIP', address: second, port, sourceRanges },
    { kind: 'nodePort', port: must(parsePort(30_000 + i)) },
  ];
}

/** The first is one like most. */
function exemplarNodes(family: Family, chainPrefix: ChainPrefix): [NodeContext, ...NodeContext[]] {
  const { own, loopback, pods } = valuesOf(family);
  const name = must(parseInterfaceName('cali'));
  const base: NodeContext = {
    ...{ family, chainPrefix, addresses: [own], nodeIP: own, localDetector: { kind: 'source', cidr: pods } },
    ...{ masqueradeAll: false, masqueradeBit: 14, nodePorts: { kind: 'all', loopback: true } },
    ...{
      conntrackTcpBeLiberal: false,
      countsTraffic: false,
      packetCounters: false,
      contested: nothingContested,
      compat: false,
    },
    ipvs: { scheduler: 'rr', strictArp: true, excludeCidrs: [] },
  };
  const detectors: (LocalDetector | undefined)[] = [
    undefined,
    { kind: 'source', cidr: pods },
    { kind: 'interface', name },
    { kind: 'interfacePrefix', prefix: name },
  ];
  const choices = product({ localDetector: detectors, masqueradeAll: [false, true], compat: [false, true] });
  const others: Partial<NodeContext>[] = [
    { conntrackTcpBeLiberal: true },
    { countsTraffic: true },
    { countsTraffic: true, localDetector: undefined },
    { packetCounters: true },
    { nodePorts: { kind: 'all', loopback: false } },
    { nodePorts: { kind: 'some', addresses: [own, loopback], loopback: true } },
    { nodePorts: { kind: 'some', addresses: [own], loopback: false } },
  ];
  return [base, ...[...choices, ...others].map((more) => ({ ...base, ...more }))];
}

function valuesOf(family: Family) {
  const of = (ipv4: string, ipv6: string) => must(parseAddress(family === 'IPv4' ? ipv4 : ipv6));
  const network = (ipv4: string, ipv6: string) => must(parseCidr(family === 'IPv4' ? ipv4 : ipv6));
  return {
    own: of('192.0.2.1', '2001:db8::1'),
    loopback: of('127.0.0.1', '::1'),
    pods: network('10.1.0.0/16', 'fd00:1::/64'),
    everyone: network('0.0.0.0/0', '::/0'),
    /** A network, one address, a network that the node's own address is in, and loopback. */
    ranges: [
      network('198.51.100.0/24', '2001:db8:51::/64'),
      network('203.0.113.9/32', '2001:db8:113::9/128'),
      network('192.0.2.0/24', '2001:db8::/64'),
      network('127.0.0.0/8', '::1/128'),
    ],
    endpoints: [of('10.1.0.5', 'fd00:1::5'), of('10.1.0.6', 'fd00:1::6'), of('10.1.1.5', 'fd00:1:0:1::5')] as const,
    frontends: [
      of('10.96.0.1', 'fd00:96::1'),
      of('10.97.0.1', 'fd00:97::1'),
      of('203.0.113.1', '2001:db8:113::1'),
      of('203.0.113.2', '2001:db8:113::2'),
      of('203.0.113.3', '2001:db8:113::3'),
    ] as const,
  };
}

/** Every choice of one value for each name. */
function product<T>(choices: { readonly [K in keyof T]: readonly T[K][] }): T[] {
  let found: Partial<T>[] = [{}];
  for (const name of Object.keys(choices) as (keyof T)[]) {
    found = found.flatMap((one) => choices[name].map((value) => ({ ...one, [name]: value })));
  }
  return found as T[];
}

/** throws   never: every value is written out above */
function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('an exemplar is no value');
  return value;
}
