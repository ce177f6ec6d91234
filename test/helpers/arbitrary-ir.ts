import fc from 'fast-check';
import type { Contested } from '../../compiler/ir/contested.ts';
import type { Endpoint, Frontend, KnownEndpoint, ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { address, cidr, endpoint, makeIR, makeNode, port, portName, rehashed, service } from './ir.ts';
import { compareText, servicePortId } from '../../compiler/values/names.ts';
import type { Protocol } from '../../compiler/values/port.ts';

/** Another node's address and the address of one of Service ant's pods: a Service may list them nevertheless. */
const somebodyElses = ['192.168.0.11', '10.1.1.1'];
/** The compiler's facts about these addresses. */
const arbitraryContested: Contested = {
  elsewhere: [
    { address: address('10.1.1.1'), whose: 'a pod' },
    { address: address('192.168.0.11'), whose: 'another node' },
  ],
  ours: [],
};

/**
 * The IRs that one Service may have, as far as programs depend on them: few addresses and ports, so that
 * Services come, go, change and take over each other's addresses often.
 */
function arbitraryService(name: string, slot: number): fc.Arbitrary<ServicePortIR> {
  const endpoints = fc
    .subarray([1, 2, 3, 4], { minLength: 0 })
    .chain((picks) => fc.tuple(...picks.map((pick) => fc.record({ pick: fc.constant(pick), local: fc.boolean() }))));
  return fc
    .record({
      protocol: fc.constantFrom<Protocol>('TCP', 'TCP', 'UDP'),
      endpoints,
      frontends: fc.subarray(['external', 'balancer', 'node'] as const),
      clusterIP: fc.constantFrom(slot, slot, slot, 9),
      // Port 80, the Service's own node port, and another Service's node port.
      port: fc.constantFrom(80, 80, 30000 + slot, 30001),
      externalIP: fc.constantFrom(`203.0.113.${slot}`, '192.168.0.10', ...somebodyElses),
      ranges: fc.constantFrom([], [], ['198.51.100.0/24'], ['198.51.100.0/24', '203.0.113.0/24']),
      keepClientAddress: fc.boolean(),
      internalLocal: fc.boolean(),
      affinity: fc.boolean(),
      health: fc.boolean(),
    })
    .map((shape) => {
      const cluster = shape.endpoints.map(({ pick, local }) =>
        endpoint(`10.1.${slot}.${pick}:${8000 + slot}`, { local }),
      );
      const local = cluster.filter((one) => one.local);
      return makeIR(frontendsOf(shape, slot), cluster, {
        service: service(`shop/${name}`),
        portName: portName('http'),
        protocol: shape.protocol,
        pools: { cluster, local },
        internal: routeTo(cluster, local, shape.internalLocal),
        external: routeTo(cluster, local, shape.keepClientAddress),
        keepClientAddress: shape.keepClientAddress,
        affinity: shape.affinity ? { kind: 'clientIP', seconds: 600 } : { kind: 'none' },
        healthCheckNodePort: shape.health && shape.keepClientAddress ? port(31000 + slot) : undefined,
        known: cluster.map((one): KnownEndpoint => ({ ...one, ready: true, serving: true })),
      });
    });
}

interface Shape {
  readonly frontends: readonly ('external' | 'balancer' | 'node')[];
  readonly clusterIP: number;
  readonly ranges: readonly string[];
  readonly port: number;
  readonly externalIP: string;
}

function frontendsOf({ frontends, clusterIP, ranges, port: number, externalIP }: Shape, slot: number): Frontend[] {
  // A plan treats a node port and the node's address with the same number as two places: one may come while the other
  // goes.
  const at = (text: string) => endpoint(`${text}:${text.startsWith('192.168.') ? 80 : number}`);
  const all: Frontend[] = [{ kind: 'clusterIP', ...placeOf(at(`10.96.0.${clusterIP}`)) }];
  if (frontends.includes('external')) all.push({ kind: 'externalIP', ...placeOf(at(externalIP)) });
  if (frontends.includes('balancer')) {
    const sourceRanges = ranges.map(cidr);
    all.push({ kind: 'loadBalancerIP', ...placeOf(at(`192.0.2.${100 + slot}`)), sourceRanges });
  }
  if (frontends.includes('node')) all.push({ kind: 'nodePort', port: port(30000 + slot) });
  return all;
}

function placeOf({ address, port }: Endpoint) {
  return { address, port };
}

function routeTo(
  cluster: readonly Endpoint[],
  local: readonly Endpoint[],
  onlyLocal: boolean,
): ServicePortIR['internal'] {
  if (cluster.length === 0) return { kind: 'reject', why: 'no-endpoints' };
  if (!onlyLocal) return { kind: 'forward', pool: 'cluster' };
  return local.length === 0 ? { kind: 'drop', why: 'no-local-endpoints' } : { kind: 'forward', pool: 'local' };
}

const names = ['ant', 'bee', 'cow', 'dog', 'elk', 'fox'];

/** A node's Services: any of six, in id order, no two with the same frontend. */
export function arbitraryServices(): fc.Arbitrary<ServicePortIR[]> {
  return fc
    .tuple(...names.map((name, i) => fc.option(arbitraryService(name, i + 1), { nil: undefined })))
    .map((services) => withoutClashes(services.filter((one) => one !== undefined)));
}

/** The compiler gives an address to one Service only. */
function withoutClashes(services: readonly ServicePortIR[]): ServicePortIR[] {
  const taken = new Set<string>();
  return services
    .map((ir) => {
      const frontends = ir.frontends.filter((frontend) => {
        const key = `${'address' in frontend ? frontend.address : '*'} ${frontend.port} ${ir.protocol}`;
        if (taken.has(key)) return false;
        taken.add(key);
        return true;
      });
      return rehashed({ ...ir, frontends, id: servicePortId(ir.service, ir.portName, ir.protocol, ir.family) });
    })
    .sort((a, b) => compareText(a.id, b.id));
}

/** The settings of one node that change rules which all Services share. */
export function arbitraryNode(): fc.Arbitrary<NodeContext> {
  return fc
    .record({
      masqueradeAll: fc.constantFrom(false, false, true),
      masqueradeBit: fc.constantFrom(14, 14, 15),
      countsTraffic: fc.constantFrom(false, false, true),
      packetCounters: fc.constantFrom(false, false, true),
      conntrackTcpBeLiberal: fc.boolean(),
      contested: fc.constant(arbitraryContested),
    })
    .map(makeNode);
}
