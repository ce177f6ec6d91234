import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { type Cidr, hostCidr, parseCidr } from '../../compiler/values/address.ts';
import { mark, maskOf, notFromPods } from './matches.ts';
import { endpointMap, type SpreadChain } from './names.ts';
import { nameOf } from './program/names.ts';
import { type Chain, type Hook, makeChain } from './program/program.ts';
import type { Field, Rule, Statement, Verdict } from './program/rule.ts';
import type { StandingChain } from './program/standing.ts';

const place: readonly Field[] = ['daddr', 'l4proto', 'dport'];
const nodePort: readonly Field[] = ['l4proto', 'dport'];

/** Where the kernel enters the table. */
const hooks = {
  prerouting: { type: 'nat', at: 'prerouting', priority: -100 },
  output: { type: 'nat', at: 'output', priority: -100 },
  postrouting: { type: 'nat', at: 'postrouting', priority: 100 },
  'filter-input': { type: 'filter', at: 'input', priority: 0 },
  'filter-forward': { type: 'filter', at: 'forward', priority: 0 },
  'filter-output': { type: 'filter', at: 'output', priority: 0 },
} as const satisfies Partial<Record<StandingChain, Hook>>;

export const standingHooks: readonly Hook[] = Object.values(hooks);

/**
 * Chains that exist once per node.
 *
 * nat sees the first packet of a connection, filter sees all: so what filter asks is asked of new connections only.
 * Nothing is dropped before translation: what source ranges did not let in still has its destination afterwards.
 */
export function nodeChains(node: NodeContext): Chain[] {
  const chain = (name: StandingChain, rules: readonly Rule[]): Chain => makeChain(node.family, nameOf(name), rules);
  const base = (name: keyof typeof hooks, rules: readonly Rule[]): Chain =>
    makeChain(node.family, nameOf(name), rules, hooks[name]);
  const isNew: Statement = { kind: 'ctState', states: ['new'] };
  const toTranslate = [rule(jump('translate'))];
  return [
    base('prerouting', toTranslate),
    base('output', toTranslate),
    base('postrouting', postroutingRules(node)),
    base('filter-input', [rule(isNew, jump('check-arriving'))]),
    base('filter-forward', [rule(isNew, jump('check-passing'))]),
    base('filter-output', [rule(isNew, jump('check-passing'))]),
    chain('translate', [
      rule({ kind: 'verdictMap', fields: place, map: nameOf('services') }),
      ...atNodePorts(node, 'node-ports'),
    ]),
    chain('check-arriving', [
      guarded,
      // What load balancers ask of the node is let in where its port is a refused one as well.
      rule({ kind: 'dportInSet', protocol: 'TCP', set: nameOf('health-check-ports') }, verdict({ kind: 'accept' })),
      refused,
      ...atNodePorts(node, 'refused-node-ports'),
    ]),
    chain('check-passing', [
      guarded,
      refused,
      // No Service has this port of its cluster IP, and nothing else answers there.
      rule({ kind: 'inSet', fields: ['daddr'], set: nameOf('cluster-ips') }, { kind: 'reject' }),
    ]),
    chain('refuse', [rule({ kind: 'reject' })]),
  ];
}

const guarded = rule({ kind: 'inSet', fields: place, set: nameOf('guarded') }, verdict({ kind: 'drop' }));
const refused = rule({ kind: 'verdictMap', fields: place, map: nameOf('refused') });

function postroutingRules(node: NodeContext): Rule[] {
  const bit = maskOf(node);
  const masquerade: Statement = { kind: 'masquerade', fullyRandom: true };
  return [
    // The mark is flipped off, so that a packet that passes here twice is masqueraded once.
    rule(
      { kind: 'mark', mask: bit, value: 0, not: true },
      { kind: 'setMark', operation: 'xor', bits: bit },
      masquerade,
    ),
    rule(
      { kind: 'ctStatusDnat' },
      { kind: 'inSet', fields: ['saddr', 'daddr', 'l4proto', 'dport'], set: nameOf('hairpin') },
      masquerade,
    ),
  ];
}

const loopback = { IPv4: parseCidr('127.0.0.0/8') as Cidr, IPv6: parseCidr('::1/128') as Cidr };

/**
 * Where node ports answer, as the conditions of one rule each. Never on loopback: packets to 127.0.0.1 could leave it
 * only with route_localnet, which would let neighbours reach everything else there.
 */
function nodePortGuards({ family, nodePorts }: NodeContext): (readonly Statement[])[] {
  if (nodePorts.kind === 'all') {
    return [
      [
        { kind: 'address', side: 'daddr', networks: [loopback[family]], not: true },
        { kind: 'localAddress', side: 'daddr' },
      ],
    ];
  }
  const isLoopback = (address: string) => address === '::1' || address.startsWith('127.');
  return nodePorts.addresses
    .filter((address) => !isLoopback(address))
    .map((address) => [{ kind: 'address', side: 'daddr', networks: [hostCidr(address)] }]);
}

function atNodePorts(node: NodeContext, map: 'node-ports' | 'refused-node-ports'): Rule[] {
  return nodePortGuards(node).map((guard) =>
    rule(...guard, { kind: 'verdictMap', fields: nodePort, map: nameOf(map) }),
  );
}

/** Chooses one of as many endpoints as its name has in it. */
export function spreadRules(spread: SpreadChain, node: NodeContext): Rule[] {
  const { masquerade, protocol, modulus } = spread;
  const strangers = node.localDetector === undefined ? undefined : notFromPods(node.localDetector);
  const marking = masquerade === 'all' ? [] : masquerade === 'strangers' ? strangers : undefined;
  return [
    ...(marking === undefined ? [] : [rule(...marking, mark(node))]),
    rule({
      kind: 'dnatMap',
      fields: spread.place === 'nodePort' ? ['dport'] : ['daddr', 'dport'],
      protocol,
      modulus,
      map: endpointMap(spread, node).name,
    }),
  ];
}

function rule(...statements: readonly Statement[]): Rule {
  return { statements };
}

function verdict(way: Verdict): Statement {
  return { kind: 'verdict', verdict: way };
}

function jump(chain: StandingChain): Statement {
  return verdict({ kind: 'jump', chain: nameOf(chain) });
}
