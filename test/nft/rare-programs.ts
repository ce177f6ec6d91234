import { assemble } from '../../backends/assemble.ts';
import { nftables } from '../../backends/nftables/index.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { parseInterfaceName } from '../../compiler/settings.ts';
import { address, cidr, clusterIP, endpoint, makeIR, makeNode, port, portName, service } from '../helpers/ir.ts';

const two = [endpoint('10.1.0.1:8080'), endpoint('10.2.0.1:8080', { masquerade: true })];
const weighted = [endpoint('10.1.0.1:8080', { weight: 3 }), endpoint('10.2.0.1:8080'), endpoint('10.2.0.2:8080')];
const heavy = [endpoint('10.1.0.1:8080', { weight: 2 ** 40 }), endpoint('10.2.0.1:8080', { weight: 3 ** 20 })];
const six = [endpoint('[fd00:1::1]:8080'), endpoint('[fd00:1::2]:8080', { local: true })];
const sixNode = makeNode({
  family: 'IPv6',
  addresses: [address('fd00::a')],
  nodeIP: address('fd00::a'),
  localDetector: { kind: 'source', cidr: cidr('fd00:1::/64') },
});
const affinity = (seconds: number) => ({ affinity: { kind: 'clientIP', seconds } }) as const;
const long = 'a'.repeat(63);

function of(name: string, irs: readonly ServicePortIR[], node: NodeContext = makeNode()) {
  return { name, text: nftables.print(assemble(nftables, irs, node).program) };
}

/** Programs that no case of conformance or golden contains: every way of lowering a pool, every form of text. */
export const rarePrograms = [
  of('weights in a map', [makeIR([clusterIP('10.96.0.1', 80)], weighted)]),
  of('weights in ranges', [makeIR([clusterIP('10.96.0.1', 80)], heavy)]),
  of('policy masquerades one endpoint', [
    makeIR([clusterIP('10.96.0.1', 80), { kind: 'nodePort', port: port(30080) }], two),
  ]),
  ...[1, 59, 60, 3600, 3661, 86_400, 90_061].map((seconds) =>
    of(`remembered for ${seconds} s`, [makeIR([clusterIP('10.96.0.1', 80)], weighted, affinity(seconds))]),
  ),
  of(
    'IPv6 with everything',
    [
      makeIR(
        [
          { kind: 'clusterIP', address: address('fd00:2::1'), port: port(80) },
          {
            kind: 'loadBalancerIP',
            address: address('2001:db8::5'),
            port: port(80),
            sourceRanges: [cidr('2001:db8:1::/48'), cidr('fd00::/16')],
          },
          { kind: 'nodePort', port: port(30080) },
        ],
        six,
        {
          ...affinity(10_800),
          pools: { cluster: six, local: six.slice(1) },
          external: { kind: 'forward', pool: 'local' },
          keepClientAddress: true,
          healthCheckNodePort: port(32_000),
        },
      ),
    ],
    sixNode,
  ),
  of('names that are too long', [
    makeIR([clusterIP('10.96.0.1', 80)], weighted, {
      service: service(`${long}/${long}.${long}.${long}.${long.slice(3)}`),
      portName: portName(long),
      protocol: 'SCTP',
      ...affinity(60),
    }),
  ]),
  ...[{}, affinity(60)].map((more) =>
    of(
      `counted ${JSON.stringify(more)}`,
      [
        makeIR([clusterIP('10.96.0.1', 80), { kind: 'nodePort', port: port(30080) }], two, more),
        makeIR([clusterIP('10.96.0.2', 80)], heavy, { service: service('shop/heavy'), ...more }),
        makeIR([clusterIP('10.96.0.3', 80)], weighted, { service: service('shop/plain'), ...more }),
      ],
      makeNode({ countsTraffic: true }),
    ),
  ),
  of('counted, IPv6', [makeIR([{ kind: 'clusterIP', address: address('fd00:2::1'), port: port(80) }], six)], {
    ...sixNode,
    countsTraffic: true,
  }),
  of(
    'pods known by their interfaces',
    [makeIR([clusterIP('10.96.0.1', 80)], weighted)],
    makeNode({ localDetector: { kind: 'interfacePrefix', prefix: interfaceName('cali') }, masqueradeBit: 31 }),
  ),
  of(
    'pods known by one interface, node ports at some addresses',
    [makeIR([clusterIP('10.96.0.1', 80), { kind: 'nodePort', port: port(30080) }], weighted)],
    makeNode({
      localDetector: { kind: 'interface', name: interfaceName('br-0.1@x') },
      masqueradeBit: 0,
      nodePorts: { kind: 'some', addresses: [address('192.168.0.10'), address('127.0.0.1')], loopback: true },
    }),
  ),
];

function interfaceName(text: string) {
  const name = parseInterfaceName(text);
  if (name === undefined) throw new Error(text);
  return name;
}
