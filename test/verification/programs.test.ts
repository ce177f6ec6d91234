import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareLooks } from '../../backends/equivalence/compare.ts';
import type { Look, PortOf } from '../../backends/equivalence/look.ts';
import { byName } from '../../backends/index.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import { kubePrefix } from '../../compiler/settings.ts';
import { arbitraryServices } from '../helpers/arbitrary-ir.ts';
import { address, makeNode, port } from '../helpers/ir.ts';
import { missedBy, type Universe } from './brute-force.ts';

/*
 * Programs of the real backends, for random Services of few addresses, and dumps of the same with one thing in their text changed:
 * compared by classes, and held to every packet that there is. What the classes put together and rules tell apart shows as a packet
 * that is treated differently at a port of which the comparison knows nothing.
 */

const node = makeNode({ addresses: ['192.168.0.10', '192.168.0.12'].map(address), nodeIP: address('192.168.0.10') });

/** Of Services, of none, and of a class with either: what a changed line names is among them. */
const addresses = [
  ...['10.96.0.1', '10.96.0.2', '10.96.0.3', '10.96.0.9', '10.96.0.77', '10.1.1.1', '10.1.2.2'],
  ...['203.0.113.1', '203.0.113.2', '192.0.2.101', '192.0.2.102', '192.168.0.11', '11.0.0.1'],
  ...[...node.addresses, '127.0.0.1'],
].map(address);

/** With the port that stands for all others where nobody asks for it. */
const ports = (['TCP', 'UDP'] as const).flatMap((protocol) =>
  [80, 30_001, 30_002, 31_001, 8001, 65_391].map((number): PortOf => ({ protocol, port: port(number) })),
);

const universe: Universe = {
  destinations: addresses,
  ports,
  sources: [
    ...node.addresses,
    ...['10.1.1.1', '10.1.2.2', '198.51.100.9', '203.0.113.2', '203.0.113.200', '10.96.0.1', '11.0.0.1'].map(address),
  ],
  interfaces: ['eth0'],
};

/** Three Services at most: the fewer there are, the more each class stands for. */
const services = arbitraryServices().map((all) => all.slice(0, 3));

/** One change to the text of a dump, by numbers that any text gives a meaning to. */
interface Change {
  readonly kind: 'delete' | 'double' | 'move' | 'readdress' | 'widen' | 'renumber' | 'insert';
  readonly at: number;
  readonly to: number;
  readonly rule: Inserted;
}

/** A rule that refuses packets, nearly always at one port: such a change is easily missed. */
interface Inserted {
  readonly destination: string | undefined;
  readonly source: string | undefined;
  readonly at: PortOf | undefined;
  readonly isLocal: boolean | undefined;
  /** In the set of all Services' addresses, where a mode has one of addresses alone. */
  readonly isServiceIP: boolean;
}

const networks = [
  '10.96.0.0/30',
  '10.96.0.8/29',
  '10.96.0.77/32',
  '192.168.0.12/32',
  '192.168.0.0/28',
  '203.0.113.0/31',
];
const anywhere: Inserted = {
  destination: undefined,
  source: undefined,
  at: undefined,
  isLocal: undefined,
  isServiceIP: false,
};
const inserted: fc.Arbitrary<Inserted> = fc
  .tuple(
    fc.oneof(
      fc.record({ destination: fc.constantFrom(...networks) }),
      fc.record({ isLocal: fc.boolean() }),
      fc.constant({ isServiceIP: true }),
      fc.record({ source: fc.constantFrom('198.51.100.0/24', '10.1.2.0/24', '192.168.0.12/32') }),
      fc.record({ destination: fc.constantFrom(...networks), isLocal: fc.boolean() }),
    ),
    fc.option(fc.constantFrom(...ports), { nil: undefined, freq: 8 }),
  )
  .map(([where, at]) => ({ ...anywhere, ...where, at }));

const changes: fc.Arbitrary<Change> = fc.record({
  kind: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('delete', 'double', 'move', 'readdress', 'widen', 'renumber') },
    { weight: 5, arbitrary: fc.constant('insert' as const) },
  ),
  at: fc.nat(9_999),
  to: fc.nat(9_999),
  rule: inserted,
});

/** Where packets to Services and to everybody else pass in a filter, by file, and how such a rule is written there. */
interface Passage {
  readonly file: string;
  /** Line before the place where rules stand. */
  readonly behind: RegExp;
  readonly textOf: (rule: Inserted) => string;
}

function iptablesRule(
  chain: string,
  { destination, source, at, isLocal, isServiceIP }: Inserted,
  set?: string,
): string {
  const protocol = at?.protocol.toLowerCase();
  return [
    `-A ${chain}`,
    ...(source === undefined ? [] : [`-s ${source}`]),
    ...(destination === undefined ? [] : [`-d ${destination}`]),
    ...(protocol === undefined ? [] : [`-p ${protocol}`]),
    ...(isLocal === undefined ? [] : [`-m addrtype ${isLocal ? '' : '! '}--dst-type LOCAL`]),
    ...(isServiceIP && set !== undefined ? [`-m set --match-set ${set} dst`] : []),
    ...(at === undefined ? [] : [`-m ${protocol} --dport ${at.port}`]),
    '-j DROP',
  ].join(' ');
}

function nftRule({ destination, source, at, isLocal, isServiceIP }: Inserted): string {
  return [
    '\t\t',
    ...(source === undefined ? [] : [`ip saddr ${source.replace('/32', '')} `]),
    ...(destination === undefined ? [] : [`ip daddr ${destination.replace('/32', '')} `]),
    ...(isServiceIP ? ['ip daddr @cluster-ips '] : []),
    ...(isLocal === undefined ? [] : [`fib daddr type ${isLocal ? '' : '!= '}local `]),
    ...(at === undefined ? [] : [`${at.protocol.toLowerCase()} dport ${at.port} `]),
    'drop',
  ].join('');
}

const passages: Readonly<Record<string, Passage>> = {
  iptables: {
    file: 'iptables-save',
    behind: /^:KUBE-PROXY-FIREWALL /,
    textOf: (rule) => iptablesRule('KUBE-PROXY-FIREWALL', rule),
  },
  ipvs: {
    file: 'ipvs.iptables-save',
    behind: /^:KUBE-IPVS-FILTER /,
    textOf: (rule) => iptablesRule('KUBE-IPVS-FILTER', rule, 'KUBE-IPVS-IPS'),
  },
  nftables: { file: 'nft', behind: /^\tchain check-passing \{/, textOf: nftRule },
};

/** Lines that say something of packets: no heads, and no ends of blocks. */
const isRule = (line: string): boolean => /^-A |^\s+\S/.test(line) && !/^\s*[}]|[{]\s*$|^\s*type /.test(line);

function changed(
  lines: readonly string[],
  { kind, at, to }: Omit<Change, 'kind'> & { readonly kind: Exclude<Change['kind'], 'insert'> },
): readonly string[] {
  const rules = lines.flatMap((line, i) => (isRule(line) ? [i] : []));
  const addressed = rules.filter((i) => /\d+\.\d+\.\d+\.\d+/.test(lines[i] ?? ''));
  const places = kind === 'readdress' || kind === 'widen' ? addressed : rules;
  const place = places[at % Math.max(places.length, 1)];
  if (place === undefined) return lines;
  const line = lines[place] ?? '';
  const other = rules[to % rules.length] ?? place;
  switch (kind) {
    case 'delete':
      return lines.toSpliced(place, 1);
    case 'double':
      return lines.toSpliced(other, 0, line);
    case 'move':
      return lines.toSpliced(place, 1).toSpliced(other, 0, line);
    case 'readdress':
      return lines.with(place, line.replace(/\d+\.\d+\.\d+\.\d+/, addresses[to % addresses.length] ?? ''));
    case 'widen':
      return lines.with(
        place,
        line.replace(/(\d+\.\d+\.\d+)\.\d+\/32/, to % 2 === 0 ? '$1.0/24' : '$1.0/30').replace(/\/24/, '/23'),
      );
    case 'renumber':
      return lines.with(place, line.replace(/\b(80|3\d\d\d\d)\b/, String(ports[to % ports.length]?.port)));
  }
}

describe.each(Object.entries(passages))('programs of %s', (name, passage) => {
  it('that are equal by classes are equal for every packet', async () => {
    const backend = await byName(name);
    const [witness, live] = [await backend.witness(), await backend.live()];

    /** The file that a change is in, and its text after the change. */
    function changedFile(files: ReadonlyMap<string, string>, change: Change): readonly [string, string] {
      if (change.kind === 'insert') {
        const { file, behind, textOf } = passage;
        const lines = (files.get(file) ?? '').split('\n');
        const place = lines.findIndex((line) => behind.test(line));
        expect(place).toBeGreaterThan(0);
        // Chains of iptables are declared before any rule.
        const first = lines.findIndex((line, i) => i > place && (line.startsWith('-A ') || line.startsWith('\t\t')));
        return [file, lines.toSpliced(first, 0, textOf(change.rule)).join('\n')];
      }
      const { kind } = change;
      const [file, text] = [...files][change.to % files.size] ?? ['', ''];
      return [file, changed(text.split('\n'), { ...change, kind }).join('\n')];
    }

    /** A dump of what Services need, with a change in it; undefined: nobody can read it. */
    function foundLook(of: readonly ServicePortIR[], change: Change): Look | undefined {
      const files = backend.make({ services: of, node }).files();
      const [file, other] = changedFile(files, change);
      const texts = new Map([...files, [file, other]]);
      const source = { kind: 'folder', path: 'dump', read: (one: string) => texts.get(one) } as const;
      const { observed, problems } = live.readDump(source, kubePrefix);
      return problems.length > 0 ? undefined : observed.find(({ family }) => family === 'IPv4')?.look(node);
    }

    let compared = 0;
    let different = 0;
    fc.assert(
      fc.property(services, changes, (some, change) => {
        const [wanted, found] = [witness.look({ services: some, node }), foundLook(some, change)];
        if (found === undefined) return;
        const comparison = compareLooks(wanted, found, node);
        compared++;
        if (comparison.differences.length > 0) different++;
        expect(missedBy(comparison, wanted, found, universe, node)).toEqual([]);
      }),
      { numRuns: 60 },
    );
    // The texts are still read, and the changes still change something.
    expect(compared).toBeGreaterThan(30);
    expect(different).toBeGreaterThan(10);
  });
});
