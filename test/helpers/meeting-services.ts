import fc from 'fast-check';
import type { Endpoint, Frontend, ServicePortIR } from '../../compiler/ir/ir.ts';
import { endpointText } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { parseInterfaceName } from '../../compiler/settings.ts';
import type { IpAddress } from '../../compiler/values/address.ts';
import { compareText } from '../../compiler/values/names.ts';
import { address, cidr, endpoint, makeIR, makeNode, port, service } from './ir.ts';

// Few addresses and ports, so that everything collides: endpoints at other Services' frontends, at the
// node, at loopback; load balancers and external addresses that are the node's; node ports,
// health checks and endpoints with one number.
const clusterAddresses = ['10.96.0.1', '10.96.0.2', '192.168.0.10'];
const externalAddresses = ['203.0.113.9', '192.168.0.10', '172.16.0.10', '10.1.0.6'];
const podAddresses = ['10.1.0.5', '10.1.0.6', '10.2.0.5', '127.0.0.5'];
const numbers = [80, 8080, 30080];

const arbitraryNumber = fc.constantFrom(...numbers).map(port);

/**
 * One Service port's frontends: all with one number except the node port, all load balancer addresses with the same
 * ranges.
 */
function arbitraryFrontends(): fc.Arbitrary<Frontend[]> {
  const ranges = ['198.51.100.0/24', '192.168.0.0/24', '10.1.0.0/24', '0.0.0.0/0'].map(cidr);
  const some = (texts: readonly string[]) => fc.subarray(texts.map(address));
  return fc
    .record({
      number: arbitraryNumber,
      clusterIP: fc.constantFrom(...clusterAddresses).map(address),
      clusterSetIPs: fc.subarray([address('10.96.0.9')]),
      externalIPs: some(externalAddresses),
      loadBalancerIPs: some(externalAddresses),
      sourceRanges: fc.oneof(fc.constant([]), fc.subarray(ranges)),
      nodePort: fc.option(arbitraryNumber, { nil: undefined }),
    })
    .map((shape): Frontend[] => {
      const at = (place: IpAddress) => ({ address: place, port: shape.number });
      return [
        { kind: 'clusterIP', ...at(shape.clusterIP) },
        ...shape.clusterSetIPs.map((place): Frontend => ({ kind: 'clusterSetIP', ...at(place) })),
        ...shape.externalIPs.map((place): Frontend => ({ kind: 'externalIP', ...at(place) })),
        ...shape.loadBalancerIPs.map(
          (place): Frontend => ({ kind: 'loadBalancerIP', ...at(place), sourceRanges: shape.sourceRanges }),
        ),
        ...(shape.nodePort === undefined ? [] : [{ kind: 'nodePort', port: shape.nodePort } as const]),
      ];
    });
}

function arbitraryEndpoint(): fc.Arbitrary<Endpoint> {
  return fc
    .record({
      text: fc.constantFrom(...podAddresses, ...clusterAddresses, ...externalAddresses),
      number: arbitraryNumber,
      weight: fc.constantFrom(1, 1, 2, 5),
      local: fc.boolean(),
      masquerade: fc.constantFrom(false, false, true),
    })
    .map(({ text, number, ...more }) => endpoint(`${text}:${number}`, more));
}

/** Pools and routes, as the compiler decides them: IPT-5, IPT-10. */
function arbitraryService(name: string): fc.Arbitrary<ServicePortIR> {
  return fc
    .record({
      frontends: arbitraryFrontends(),
      endpoints: fc.uniqueArray(arbitraryEndpoint(), { maxLength: 4, selector: endpointText }),
      protocol: fc.constantFrom('TCP', 'TCP', 'UDP'),
      internalLocal: fc.boolean(),
      externalLocal: fc.boolean(),
      affinity: fc.boolean(),
      health: fc.boolean(),
    })
    .map(({ frontends, endpoints, protocol, internalLocal, externalLocal, affinity, health }) => {
      const all = endpoints.toSorted((a, b) => compareText(endpointText(a), endpointText(b)));
      const here = all.filter(({ local }) => local);
      const isExternal = frontends.some(({ kind }) => kind !== 'clusterIP' && kind !== 'clusterSetIP');
      const route = (onlyLocal: boolean): ServicePortIR['internal'] => {
        if (all.length === 0) return { kind: 'reject', why: 'no-endpoints' };
        if (!onlyLocal) return { kind: 'forward', pool: 'cluster' };
        return here.length === 0 ? { kind: 'drop', why: 'no-local-endpoints' } : { kind: 'forward', pool: 'local' };
      };
      return makeIR(frontends, all, {
        service: service(`shop/${name}`),
        family: 'IPv4',
        protocol,
        pools: {
          cluster: !internalLocal || isExternal ? all : [],
          local: internalLocal || (externalLocal && isExternal) ? here : [],
        },
        internal: route(internalLocal),
        external: route(externalLocal),
        keepClientAddress: externalLocal,
        affinity: affinity ? { kind: 'clientIP', seconds: 600 } : { kind: 'none' },
        healthCheckNodePort: health && externalLocal ? port(8080) : undefined,
      });
    });
}

/** Services of an IPv4 node in id order; no later Service has a frontend of an earlier one. */
export const meetingServices = fc
  .tuple(...['ant', 'bee', 'cow', 'dog'].map((name) => fc.option(arbitraryService(name), { nil: undefined })))
  .map((services) => {
    const taken = new Set<string>();
    const isFree = (key: string) => !taken.has(key) && taken.add(key) !== undefined;
    return services
      .filter((one) => one !== undefined)
      .map(
        (ir): ServicePortIR => ({
          ...ir,
          frontends: ir.frontends.filter((frontend) =>
            isFree(`${frontend.kind === 'nodePort' ? '*' : frontend.address} ${frontend.port} ${ir.protocol}`),
          ),
        }),
      )
      .sort((a, b) => compareText(a.id, b.id));
  });

/** The node of these Services, in all its settings. */
export const meetingNode: fc.Arbitrary<NodeContext> = fc
  .record({
    addresses: fc.constant(['172.16.0.10', '192.168.0.10'].map(address)),
    localDetector: fc.constantFrom<NodeContext['localDetector']>(
      undefined,
      { kind: 'source', cidr: cidr('10.1.0.0/16') },
      { kind: 'interfacePrefix', prefix: parseInterfaceName('cali') ?? fail() },
    ),
    masqueradeAll: fc.boolean(),
    masqueradeBit: fc.constantFrom(0, 14, 31),
    countsTraffic: fc.boolean(),
    nodePorts: fc.constantFrom<NodeContext['nodePorts']>(
      { kind: 'all', loopback: true },
      { kind: 'all', loopback: false },
      { kind: 'some', addresses: [], loopback: false },
      { kind: 'some', addresses: [address('172.16.0.10')], loopback: false },
      { kind: 'some', addresses: [address('127.0.0.1'), address('192.168.0.10')], loopback: true },
    ),
  })
  .map(makeNode);

function fail(): never {
  throw new Error('an interface name');
}

/** Any client that dials any address, besides the probes. */
export const meetingPackets: fc.Arbitrary<Packet[]> = fc.array(
  fc.record({
    family: fc.constant('IPv4' as const),
    protocol: fc.constantFrom('TCP', 'UDP'),
    source: fc
      .constantFrom(...podAddresses, ...externalAddresses, '192.0.2.1', '198.51.100.8', '127.0.0.1')
      .map(address),
    destination: fc.constantFrom(...podAddresses, ...clusterAddresses, ...externalAddresses, '127.0.0.1').map(address),
    destinationPort: arbitraryNumber,
    from: fc.constantFrom<Packet['from']>(
      { kind: 'node' },
      { kind: 'interface', name: 'eth0' },
      { kind: 'interface', name: 'cali7' },
    ),
  }),
  { minLength: 20, maxLength: 40 },
);
