import { contentHash } from '../../compiler/ir/hash.ts';
import type { Endpoint, Frontend, ServicePortIR } from '../../compiler/ir/ir.ts';
import { nothingContested } from '../../compiler/ir/contested.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { kubePrefix } from '../../compiler/settings.ts';
import { type Cidr, familyOf, type IpAddress, parseAddress, parseCidr } from '../../compiler/values/address.ts';
import {
  parseNamespace,
  parseObjectName,
  parsePortName,
  type PortName,
  type ServiceKey,
  serviceKey,
  servicePortId,
} from '../../compiler/values/names.ts';
import { type Port, parsePort } from '../../compiler/values/port.ts';

/** Values written out in tests: an invalid value fails the test that wrote it. */
export const address = (text: string): IpAddress => must(parseAddress(text), text);
export const cidr = (text: string): Cidr => must(parseCidr(text), text);
export const port = (number: number): Port => must(parsePort(number), String(number));
export const portName = (text: string): PortName => must(parsePortName(text), text);
export function service(text: string): ServiceKey {
  const [namespace, name] = text.split('/');
  return serviceKey(must(parseNamespace(namespace), text), must(parseObjectName(name), text));
}

function must<T>(value: T | undefined, text: string): T {
  if (value === undefined) throw new Error(`a test holds ${JSON.stringify(text)}, which is no such value`);
  return value;
}

/** `10.1.0.1:80`, `[fd00::1]:80`. */
export function endpoint(text: string, more: Partial<Endpoint> = {}): Endpoint {
  const match = /^\[?(.+?)\]?:(\d+)$/.exec(text);
  return {
    address: address(match?.[1] ?? ''),
    port: port(Number(match?.[2])),
    weight: 1,
    local: false,
    masquerade: false,
    cluster: undefined,
    ...more,
  };
}

export const clusterIP = (text: string, number: number): Frontend => ({
  kind: 'clusterIP',
  address: address(text),
  port: port(number),
});

/**
 * The IR of `shop/cart` port `http` with these endpoints for every client, unless the test
 * overrides a field. A pool without endpoints turns the routes into it into a rejection.
 */
export function makeIR(
  frontends: readonly Frontend[],
  cluster: readonly Endpoint[],
  more: Partial<ServicePortIR> = {},
): ServicePortIR {
  const family = more.family ?? familyOf(cluster[0]?.address ?? address('10.0.0.1'));
  const key = more.service ?? service('shop/cart');
  const name = more.portName ?? portName('http');
  const protocol = more.protocol ?? 'TCP';
  const route =
    cluster.length === 0
      ? ({ kind: 'reject', why: 'no-endpoints' } as const)
      : ({ kind: 'forward', pool: 'cluster' } as const);
  const ir = {
    id: servicePortId(key, name, protocol, family),
    service: key,
    portName: name,
    family,
    protocol,
    frontends,
    pools: { cluster, local: [] },
    internal: route,
    external: route,
    keepClientAddress: false,
    affinity: { kind: 'none' },
    healthCheckNodePort: undefined,
    known: cluster.map((one) => ({ ...one, ready: true, serving: true })),
    origin: [{ kind: 'Service', namespace: 'shop', name: 'cart' }],
    ...more,
  } satisfies Omit<ServicePortIR, 'hash'>;
  return rehashed(ir);
}

/** An IR that a test changed, with the hash of its new value: backends remember units by it. */
export function rehashed(ir: Omit<ServicePortIR, 'hash'>): ServicePortIR {
  const { hash: _old, ...content } = { hash: undefined, ...ir };
  return { ...content, hash: contentHash(content) };
}

/** An IPv4 node at 192.168.0.10 whose pods have 10.1.0.0/16, unless the test overrides a field. */
export function makeNode(more: Partial<NodeContext> = {}): NodeContext {
  return {
    family: 'IPv4',
    addresses: [address('192.168.0.10')],
    nodeIP: address('192.168.0.10'),
    localDetector: { kind: 'source', cidr: cidr('10.1.0.0/16') },
    masqueradeAll: false,
    masqueradeBit: 14,
    countsTraffic: false,
    packetCounters: false,
    nodePorts: { kind: 'all', loopback: true },
    conntrackTcpBeLiberal: false,
    chainPrefix: kubePrefix,
    contested: nothingContested,
    compat: false,
    ipvs: { scheduler: 'rr', strictArp: false, excludeCidrs: [] },
    ...more,
  };
}
