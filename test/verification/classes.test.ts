import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compareLooks } from '../../backends/equivalence/compare.ts';
import type { Look, PortOf } from '../../backends/equivalence/look.ts';
import type { Packet, Trace } from '../../compiler/semantics/packet.ts';
import { isNodeAddress } from '../../compiler/semantics/place.ts';
import { type Cidr, cidrContains, type IpAddress } from '../../compiler/values/address.ts';
import { address, cidr, makeNode, port } from '../helpers/ir.ts';
import { missedBy, type Universe } from './brute-force.ts';

/*
 * Random programs of few rules over few addresses, compared by classes, and held to every packet that there is. The programs
 * have all that lets backends leave out a question: places and sets that are looked up, lists of ports, and a node whose own
 * packets take their destination as their source.
 */

const node = makeNode({
  addresses: ['192.0.2.1', '192.0.2.2', '192.0.2.6'].map(address),
  nodeIP: address('192.0.2.1'),
  nodePorts: { kind: 'some', addresses: [address('192.0.2.2')], loopback: false },
});
const others = ['10.0.0.0', '10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.6', '198.51.100.7'];
const addresses = [...others, ...node.addresses, '127.0.0.1', '127.0.0.2'].map(address);
const networks = [
  '10.0.0.0/29',
  '10.0.0.0/31',
  '10.0.0.2/32',
  '192.0.2.0/30',
  '192.0.2.6/32',
  '127.0.0.2/32',
  '0.0.0.0/1',
];
/** With the port that stands for all others where nobody asks for it. */
const ports = ['TCP', 'UDP'].flatMap((protocol) =>
  [1, 2, 3, 65_391].map((number) => ({ protocol, port: port(number) }) as PortOf),
);
const universe: Universe = {
  destinations: addresses,
  ports,
  sources: [...node.addresses, ...['10.0.0.1', '10.0.0.2', '10.0.0.6', '203.0.113.9'].map(address)],
  interfaces: ['eth0'],
};

type Fate = 'drop' | 'reject' | 'accept' | 'next';
interface Rule {
  readonly destination?: Cidr | undefined;
  readonly source?: Cidr | undefined;
  readonly port?: PortOf | undefined;
  readonly set?: 'first' | 'second' | undefined;
  readonly isLocal?: boolean | undefined;
  readonly ports?: boolean | undefined;
  readonly fate: Fate;
}
interface Program {
  /** Looked up first. */
  readonly places: readonly (PortOf & { readonly address: IpAddress; readonly fate: Fate })[];
  readonly sets: Readonly<Record<'first' | 'second', readonly IpAddress[]>>;
  /** A list that is looked up whatever the address. */
  readonly ports: readonly PortOf[];
  readonly takesDestination: boolean;
  readonly rules: readonly Rule[];
}

function lookOf(program: Program): Look {
  return {
    trace(packet, { asked } = {}): Trace {
      const takes = program.takesDestination && packet.from.kind === 'node' && isNodeAddress(packet.destination, node);
      const source = takes ? packet.destination : packet.source;
      const fate = (kind: Fate): Trace => ({ verdict: { kind: kind === 'next' ? 'untouched' : kind }, steps: [] });
      const place = program.places.find((one) => one.address === packet.destination && isAt(one, packet));
      if (place !== undefined) return fate(place.fate);
      for (const rule of program.rules) {
        if (rule.destination !== undefined) {
          asked?.({ kind: 'destination', network: rule.destination });
          if (!contains(rule.destination, packet.destination)) continue;
        }
        if (rule.set !== undefined && !program.sets[rule.set].includes(packet.destination)) continue;
        if (rule.isLocal !== undefined && rule.isLocal !== isNodeAddress(packet.destination, node)) continue;
        if (rule.source !== undefined) {
          asked?.({ kind: 'source', network: rule.source });
          if (takes) asked?.({ kind: 'destination', network: rule.source });
          if (!contains(rule.source, source)) continue;
        }
        if (rule.ports === true) {
          asked?.({ kind: 'ports', ports: program.ports });
          if (!program.ports.some((one) => isAt(one, packet))) continue;
        }
        if (rule.port !== undefined) {
          asked?.({ kind: 'port', ...rule.port });
          if (!isAt(rule.port, packet)) continue;
        }
        return fate(rule.fate);
      }
      return fate('next');
    },
    *destinations() {
      yield* program.places;
      for (const [among, members] of Object.entries(program.sets)) {
        for (const member of members) yield { address: member, among };
      }
    },
  };
}

const answers = new Map<string, boolean>();

/** Asked again and again of few addresses. */
function contains(network: Cidr, one: IpAddress): boolean {
  const key = `${network} ${one}`;
  const known = answers.get(key) ?? cidrContains(network, one);
  answers.set(key, known);
  return known;
}

function isAt({ protocol, port: at }: PortOf, packet: Packet): boolean {
  return packet.protocol === protocol && packet.destinationPort === at;
}

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 1 });
const fates = fc.constantFrom<Fate>('drop', 'reject', 'accept', 'next');
const network = fc.constantFrom(...networks.map(cidr));
const setNames = fc.constantFrom('first' as const, 'second' as const);
/** One kind of rule for each thing that addresses are told apart by, nearly always at one port: such a change is easily missed. */
const rules: fc.Arbitrary<Rule> = fc
  .tuple(
    fc.oneof(
      fc.record({ destination: network }),
      fc.record({ set: setNames }),
      fc.record({ isLocal: fc.boolean() }),
      fc.record({ source: network }),
      fc.record({ source: maybe(network), destination: maybe(network), set: maybe(setNames) }),
    ),
    fc.oneof(
      { arbitrary: fc.record({ port: fc.constantFrom(...ports) }), weight: 6 },
      { arbitrary: fc.constant({ ports: true }), weight: 2 },
      { arbitrary: fc.constant({}), weight: 1 },
    ),
    fates,
  )
  .map(([where, at, fate]) => ({ ...where, ...at, fate }));
const places = fc.constantFrom(...ports).chain((at) =>
  fc.record({
    protocol: fc.constant(at.protocol),
    port: fc.constant(at.port),
    address: fc.constantFrom(...addresses),
    fate: fates,
  }),
);
const some = fc.subarray(addresses, { maxLength: 4 });
const sets = fc.record({ first: some, second: some });
const programs: fc.Arbitrary<Program> = fc.record({
  places: fc.array(places, { maxLength: 12 }),
  sets,
  ports: fc.subarray(ports),
  takesDestination: fc.boolean(),
  rules: fc.array(rules, { maxLength: 4 }),
});

/** A program, and the same with one thing in it changed. */
const changes = programs.chain((before) =>
  fc.tuple(
    fc.constant(before),
    fc.oneof(
      { weight: 4, arbitrary: rules.map((rule) => ({ ...before, rules: [rule, ...before.rules] })) },
      fc.nat(5).map((at) => ({ ...before, rules: before.rules.toSpliced(at, 1) })),
      places.map((place) => ({ ...before, places: [place, ...before.places] })),
      fc.nat(11).map((at) => ({ ...before, places: before.places.toSpliced(at, 1) })),
      sets.map((other) => ({ ...before, sets: { ...before.sets, first: other.first } })),
      fc.subarray(ports).map((other) => ({ ...before, ports: other })),
      fc.constant({ ...before, takesDestination: !before.takesDestination }),
    ),
  ),
);

it('what is equal by classes is equal for every packet, whatever one change is', () => {
  fc.assert(
    fc.property(changes, ([before, after]) => {
      const [wanted, found] = [lookOf(before), lookOf(after)];
      expect(missedBy(compareLooks(wanted, found, node), wanted, found, universe, node)).toEqual([]);
    }),
    { numRuns: 1_500 },
  );
});
