import fc from 'fast-check';
import { assemble } from '../../backends/assemble.ts';
import { iptables } from '../../backends/iptables/index.ts';
import { chainName, makeChain } from '../../backends/netfilter/chain.ts';
import { rulesetText } from '../../backends/netfilter/text/document.ts';
import { chainKey, type Rule, type Ruleset } from '../../backends/netfilter/rule.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { InterfaceName } from '../../compiler/settings.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { arbitraryRule } from '../helpers/arbitrary-rule.ts';
import { address, cidr, clusterIP, endpoint, makeIR, makeNode, port, portName, service } from '../helpers/ir.ts';

const node6: Partial<NodeContext> = {
  family: 'IPv6',
  addresses: [address('fd00:18::12')],
  nodeIP: address('fd00:18::12'),
  localDetector: { kind: 'source', cidr: cidr('fd00:12::/64') },
  nodePorts: { kind: 'all', loopback: false },
};
const label = (letter: string) => letter.repeat(63);

/** Programs that no conformance case contains. */
const rare: Readonly<Record<string, readonly [readonly ServicePortIR[], Partial<NodeContext>]>> = {
  'unequal weights': [
    [
      makeIR(
        [clusterIP('10.96.0.1', 80)],
        [1, 2, 50, 1000].map((weight, i) => endpoint(`10.1.0.${i}:80`, { weight })),
      ),
    ],
    {},
  ],
  'an endpoint that is masqueraded': [
    [
      makeIR(
        [{ kind: 'clusterSetIP', address: address('10.96.0.1'), port: port(80) }],
        [endpoint('10.2.0.1:80', { masquerade: true })],
      ),
    ],
    {},
  ],
  'names that fill a comment': [
    [
      makeIR([clusterIP('10.96.0.1', 80), { kind: 'nodePort', port: port(30080) }], [endpoint('10.1.0.1:80')], {
        service: service(`${label('n')}/${label('a')}.${label('b')}.${label('c')}`),
        portName: portName(label('p')),
      }),
    ],
    {},
  ],
  'affinity and source ranges in IPv6': [
    [
      makeIR(
        [
          clusterIP('fd00:13::1', 53),
          {
            kind: 'loadBalancerIP',
            address: address('2001:db8::1'),
            port: port(53),
            sourceRanges: [cidr('fd00:18::/32'), cidr('::/0')],
          },
        ],
        [endpoint('[fd00:12::1]:53'), endpoint('[fd00:12::2]:53')],
        { protocol: 'UDP', affinity: { kind: 'clientIP', seconds: 86400 } },
      ),
    ],
    node6,
  ],
  'an interface in IPv6': [
    [makeIR([clusterIP('fd00:13::1', 7)], [endpoint('[::1:2]:7')], { protocol: 'SCTP' })],
    { ...node6, localDetector: { kind: 'interfacePrefix', prefix: 'lxc_health.abc' as InterfaceName } },
  ],
  'a cluster that is everything': [
    [makeIR([clusterIP('10.96.0.1', 80)], [endpoint('10.1.0.1:80')])],
    { localDetector: { kind: 'source', cidr: cidr('0.0.0.0/0') } },
  ],
  'the highest bit': [[], { masqueradeBit: 31, conntrackTcpBeLiberal: true }],
};

interface Program {
  readonly name: string;
  readonly family: Family;
  readonly text: string;
}

export const rarePrograms: readonly Program[] = [
  ...Object.entries(rare).map(([name, [services, more]]) => {
    const node = makeNode(more);
    return { name, family: node.family, text: iptables.print(assemble(iptables, services, node).program) };
  }),
  ...families.map(rulesOfEveryKind),
];

/** A chain with every rule that slicewright's vocabulary has, except rules that need a set, IPVS, or another table. */
function rulesOfEveryKind(family: Family): Program {
  const elsewhere = new Set(['set', 'ipvs', 'ipvsAny', 'dnat', 'masquerade', 'reject']);
  const [from, to] = [chainName('KUBE-A'), chainName('KUBE-B')];
  const rules = fc
    .sample(arbitraryRule(family), { numRuns: 1200, seed: 7 })
    .filter(({ matches, target }) => ![...matches, target].some((part) => elsewhere.has(part?.kind ?? '')))
    .map((rule): Rule => (rule.target?.kind === 'jump' ? { ...rule, target: { kind: 'jump', chain: to } } : rule));
  const chains = [makeChain(family, 'mangle', from, rules), makeChain(family, 'mangle', to, [])];
  const ruleset: Ruleset = {
    family,
    chains: new Map(chains.map((chain) => [chainKey(chain.table, chain.name), chain])),
    hooks: [],
  };
  return { name: `${rules.length} rules of every kind`, family, text: rulesetText(ruleset) };
}
