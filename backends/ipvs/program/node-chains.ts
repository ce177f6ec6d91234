import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { kubePrefix } from '../../../compiler/settings.ts';
import { type Cidr, type Family, hostCidr, parseCidr } from '../../../compiler/values/address.ts';
import type { Protocol } from '../../../compiler/values/port.ts';
import { chainName, makeChain, makeHook } from '../../netfilter/chain.ts';
import { chainUnder, ruleUnder } from '../../netfilter/prefix.ts';
import {
  chainKey,
  type Hook,
  type KernelChain,
  type Match,
  type Rule,
  type Ruleset,
  type Table,
} from '../../netfilter/rule.ts';
import { accessFilter, ipvsChains } from './chain-names.ts';
import { type SetId, setKinds, setName } from './sets.ts';

/** What the chains are made from: which sets have entries, and the one kind of rule that is per Service. */
export interface ChainInput {
  readonly node: NodeContext;
  readonly filled: ReadonlySet<SetId>;
  /** In the order of Services. */
  readonly outFilter: readonly Rule[];
}

/**
 * All rules of IPVS mode: a bounded number whatever the number of Services, because sets show
 * which Service a packet is for (IPVS-6.3, IPVS-6.4).
 *
 * A rule over a set that never had an entry is left out, as kube-proxy does; the filter rules
 * that keep host processes from answering on Services' addresses are always there.
 */
export function ipvsRules(input: ChainInput): Ruleset {
  const { family, chainPrefix } = input.node;
  const byChain = new Map<string, Rule[]>();
  const parts: Readonly<Record<'nat' | 'filter', readonly Placed[]>> = {
    nat: [...serviceRules(input), ...nodePortRules(input), ...loadBalancerRules(input), ...masqueradeRules(input)],
    filter: [...firewallRules(input), ...forwardRules(input), ...accessRules(input)],
  };
  for (const table of ['nat', 'filter'] as const) {
    for (const name of ipvsChains[table]) byChain.set(chainKey(table, name), []);
    for (const { chain, rule } of parts[table]) byChain.get(chainKey(table, chain))?.push(rule);
  }
  const chains = (['nat', 'filter'] as const).flatMap((table) =>
    ipvsChains[table].map((name) => {
      const key = chainKey(table, name);
      const rules = (byChain.get(key) ?? []).map((rule) => ruleUnder(rule, chainPrefix));
      const chain = makeChain(family, table, chainUnder(chainName(name), chainPrefix), rules);
      return [chainKey(table, chain.name), chain] as const;
    }),
  );
  return { family, chains: new Map(chains), hooks: hooks(input.node) };
}

interface Placed {
  readonly chain: string;
  readonly rule: Rule;
}

const inChain = (chain: string, matches: readonly Match[], target: Rule['target']): Placed => ({
  chain,
  rule: target === undefined ? { matches } : { matches, target },
});
const jump = (chain: string): NonNullable<Rule['target']> => ({ kind: 'jump', chain: chainName(chain) });
const comment = (text: string): Match => ({ kind: 'comment', text });
const accept = { kind: 'accept' } as const;
const drop = { kind: 'drop' } as const;
const giveBack = { kind: 'return' } as const;
const toLocal: Match = { kind: 'addrtype', side: 'dst' };
const fromNode = { kind: 'addrtype', side: 'src' } as const;
const isNew: Match = { kind: 'ctstate', states: ['NEW'] };

const dims = {
  to: ['dst', 'dst'],
  toFrom: ['dst', 'dst', 'src'],
  toPort: ['dst'],
  /** Source address and destination port: what the node sends to an address of its own. */
  fromPort: ['src', 'dst'],
} as const;

function inSet(input: ChainInput, id: SetId, what: keyof typeof dims): Match {
  return { kind: 'set', name: setName(id, input.node.family, kubePrefix), dims: dims[what] };
}

/** The comment of the set, then the set: how kube-proxy writes it. */
function inNamedSet(input: ChainInput, id: SetId, what: keyof typeof dims): readonly Match[] {
  return [comment(setKinds[id].comment), inSet(input, id, what)];
}

function when(input: ChainInput, id: SetId, rules: () => readonly Placed[]): readonly Placed[] {
  return input.filled.has(id) ? rules() : [];
}

/** Which packets are masqueraded on the way to a Service, and which keep their source. */
function serviceRules(input: ChainInput): readonly Placed[] {
  const { family } = input.node;
  const services = 'KUBE-SERVICES';
  return [
    inChain(services, [{ kind: 'source', cidr: loopback(family) }], giveBack),
    ...when(input, 'loadBalancer', () => [
      inChain(services, inNamedSet(input, 'loadBalancer', 'to'), jump('KUBE-LOAD-BALANCER')),
    ]),
    ...when(input, 'clusterIp', () => [inChain(services, clusterIpMatches(input), jump('KUBE-MARK-MASQ'))]),
    ...when(input, 'externalIp', () => [
      inChain(services, inNamedSet(input, 'externalIp', 'to'), jump('KUBE-MARK-MASQ')),
      ...externalIpAccepts(input, 'externalIp'),
    ]),
    ...when(input, 'externalIpLocal', () => [
      ...ownTraffic(input, services, inNamedSet(input, 'externalIpLocal', 'to')),
      ...externalIpAccepts(input, 'externalIpLocal'),
    ]),
    ...inNodePortOrder(
      input,
      nodePortJumps(input),
      (['clusterIp', 'loadBalancer'] as const).flatMap((id) =>
        when(input, id, () => [inChain(services, [inSet(input, id, 'to')], accept)]),
      ),
    ),
  ];
}

/**
 * The sets of node ports hold ports alone, so what is for a Service's own address must have left before: it would be
 * masqueraded wherever its port is some node port's. kube-proxy asks for node ports first.
 */
function inNodePortOrder({ node }: ChainInput, jumps: readonly Placed[], accepts: readonly Placed[]) {
  return node.compat ? [...jumps, ...accepts] : [...accepts, ...jumps];
}

/** Into the node ports goes what is for an address that serves them; kube-proxy sends all that is for the node. */
function nodePortJumps({ node }: ChainInput): readonly Placed[] {
  const into = (match: Match) => inChain('KUBE-SERVICES', [match], jump('KUBE-NODE-PORT'));
  if (node.compat || node.nodePorts.kind === 'all') return [into(toLocal)];
  return node.nodePorts.addresses.map((address) => into({ kind: 'destination', cidr: hostCidr(address) }));
}

/** Outsiders are masqueraded. Where pods cannot be told from others, only the node itself is: its source is the address it dials. */
function clusterIpMatches(input: ChainInput): readonly Match[] {
  const { masqueradeAll } = input.node;
  if (masqueradeAll) return inNamedSet(input, 'clusterIp', 'to');
  const outsider = notFromPods(input);
  if (outsider === undefined) return inNamedSet(input, 'clusterIp', 'fromPort');
  return [...inNamedSet(input, 'clusterIp', 'to'), outsider];
}

function notFromPods({ node }: ChainInput): Match | undefined {
  const detector = node.localDetector;
  switch (detector?.kind) {
    case undefined:
      return undefined;
    case 'source':
      return { kind: 'source', cidr: detector.cidr, not: true };
    case 'interface':
      return { kind: 'inInterface', name: detector.name, prefix: false, not: true };
    case 'interfacePrefix':
      return { kind: 'inInterface', name: detector.prefix, prefix: true, not: true };
  }
}

function externalIpAccepts(input: ChainInput, id: 'externalIp' | 'externalIpLocal'): readonly Placed[] {
  const matches = inNamedSet(input, id, 'to');
  return [
    inChain('KUBE-SERVICES', [...matches, { kind: 'physdevIsIn', not: true }, { ...fromNode, not: true }], accept),
    inChain('KUBE-SERVICES', [...matches, toLocal], accept),
  ];
}

/**
 * The node dials a Service's address from that very address. An endpoint elsewhere could not
 * answer it, so it is masqueraded even where clients keep their addresses (not in kube-proxy).
 */
function ownTraffic(input: ChainInput, chain: string, matches: readonly Match[]): readonly Placed[] {
  return input.node.compat ? [] : [inChain(chain, [...matches, fromNode], jump('KUBE-MARK-MASQ'))];
}

function loadBalancerRules(input: ChainInput): readonly Placed[] {
  const chain = 'KUBE-LOAD-BALANCER';
  return [
    ...when(input, 'loadBalancerLocal', () => {
      const matches = inNamedSet(input, 'loadBalancerLocal', 'to');
      return [...ownTraffic(input, chain, matches), inChain(chain, matches, giveBack)];
    }),
    inChain(chain, [], jump('KUBE-MARK-MASQ')),
  ];
}

function nodePortRules(input: ChainInput): readonly Placed[] {
  const kinds: readonly (readonly [Protocol, SetId, SetId, keyof typeof dims])[] = [
    ['TCP', 'nodePortLocalTcp', 'nodePortTcp', 'toPort'],
    ['UDP', 'nodePortLocalUdp', 'nodePortUdp', 'toPort'],
    ['SCTP', 'nodePortLocalSctp', 'nodePortSctp', 'to'],
  ];
  const chain = 'KUBE-NODE-PORT';
  return kinds.flatMap(([protocol, local, all, what]) => {
    const matches = (id: SetId): readonly Match[] => [{ kind: 'protocol', protocol }, ...inNamedSet(input, id, what)];
    return [
      ...when(input, local, () => [
        ...ownTraffic(input, chain, matches(local)),
        inChain(chain, matches(local), giveBack),
      ]),
      ...when(input, all, () => [inChain(chain, matches(all), jump('KUBE-MARK-MASQ'))]),
    ];
  });
}

function masqueradeRules(input: ChainInput): readonly Placed[] {
  const bit = (2 ** input.node.masqueradeBit) >>> 0;
  const chain = 'KUBE-POSTROUTING';
  return [
    ...when(input, 'loopBack', () => [
      inChain(chain, inNamedSet(input, 'loopBack', 'toFrom'), { kind: 'masquerade', randomFully: false }),
    ]),
    ...when(input, 'masquerade', () => [
      inChain(chain, [...inNamedSet(input, 'masquerade', 'to'), { kind: 'ipvsAny' }], {
        kind: 'masquerade',
        randomFully: true,
      }),
    ]),
    inChain(chain, [{ kind: 'mark', value: bit, mask: bit, not: true }], giveBack),
    // The mark is taken off, so that no other program sees it: flips the bit, which is set here.
    inChain(chain, [], { kind: 'mark', value: bit, mask: 0 }),
    inChain(chain, [comment('kubernetes service traffic requiring SNAT')], { kind: 'masquerade', randomFully: true }),
    inChain('KUBE-MARK-MASQ', [], { kind: 'mark', value: bit, mask: bit }),
  ];
}

/** Source ranges, and what must not be answered at all. */
function firewallRules(input: ChainInput): readonly Placed[] {
  const firewall = 'KUBE-PROXY-FIREWALL';
  const ranges = 'KUBE-SOURCE-RANGES-FIREWALL';
  const outsider = notFromPods(input);
  return [
    ...when(input, 'dropAll', () =>
      // The node's own packets, where no virtual server takes them, pass OUTPUT.
      [firewall, 'KUBE-IPVS-OUT-FILTER'].map((chain) =>
        inChain(chain, [...inNamedSet(input, 'dropAll', 'to'), isNew], drop),
      ),
    ),
    ...when(input, 'dropOutside', () => {
      const who = [...(outsider === undefined ? [] : [outsider]), { ...fromNode, not: true as const }];
      return [inChain(firewall, [...inNamedSet(input, 'dropOutside', 'to'), isNew, ...who], drop)];
    }),
    ...when(input, 'loadBalancerFw', () => [
      inChain(firewall, inNamedSet(input, 'loadBalancerFw', 'to'), jump(ranges)),
    ]),
    ...when(input, 'loadBalancerSourceCidr', () => [
      inChain(ranges, inNamedSet(input, 'loadBalancerSourceCidr', 'toFrom'), giveBack),
    ]),
    ...when(input, 'loadBalancerSourceIp', () => [
      inChain(ranges, inNamedSet(input, 'loadBalancerSourceIp', 'toFrom'), giveBack),
    ]),
    inChain(ranges, [], drop),
    ...input.outFilter.map((rule) => ({ chain: 'KUBE-IPVS-OUT-FILTER', rule })),
  ];
}

function forwardRules(input: ChainInput): readonly Placed[] {
  const bit = (2 ** input.node.masqueradeBit) >>> 0;
  return [
    inChain('KUBE-FORWARD', [comment('kubernetes forwarding rules'), { kind: 'mark', value: bit, mask: bit }], accept),
    inChain(
      'KUBE-FORWARD',
      [comment('kubernetes forwarding conntrack rule'), { kind: 'ctstate', states: ['RELATED', 'ESTABLISHED'] }],
      accept,
    ),
  ];
}

/** A Service's address is the node's own: without these, host processes on 0.0.0.0 would answer on its other ports. */
function accessRules(input: ChainInput): readonly Placed[] {
  const filter = accessFilter;
  const isProbe = inSet(input, 'healthCheckNodePort', 'toPort');
  // kube-proxy lets the port in for every protocol; health checks are TCP.
  const tcp: readonly Match[] = input.node.compat ? [] : [{ kind: 'protocol', protocol: 'TCP' }];
  return [
    inChain('KUBE-NODE-PORT', [...tcp, comment(setKinds.healthCheckNodePort.comment), isProbe], accept),
    ...(['loadBalancer', 'clusterIp', 'externalIp', 'externalIpLocal'] as const).map((id) =>
      inChain(filter, [inSet(input, id, 'to')], giveBack),
    ),
    inChain(filter, [...tcp, isProbe], giveBack),
    inChain(filter, [isNew, inSet(input, 'ipvsIps', 'toPort')], { kind: 'reject' }),
  ];
}

/** Per chain of the kernel from its first rule on: kube-proxy puts each in front of the ones before it. */
function hooks({ family, chainPrefix }: NodeContext): readonly Hook[] {
  const at = (table: Table, chain: KernelChain, text: string, to: string): Hook =>
    makeHook(family, table, chain, ruleUnder({ matches: [comment(text)], target: jump(to) }, chainPrefix));
  return [
    at('filter', 'INPUT', 'kubernetes ipvs access filter', accessFilter),
    at('filter', 'INPUT', 'kube-proxy firewall rules', 'KUBE-PROXY-FIREWALL'),
    at('filter', 'INPUT', 'kubernetes health check rules', 'KUBE-NODE-PORT'),
    at('filter', 'FORWARD', 'kube-proxy firewall rules', 'KUBE-PROXY-FIREWALL'),
    at('filter', 'FORWARD', 'kubernetes forwarding rules', 'KUBE-FORWARD'),
    at('filter', 'OUTPUT', 'kubernetes ipvs access filter', 'KUBE-IPVS-OUT-FILTER'),
    at('nat', 'PREROUTING', 'kubernetes service portals', 'KUBE-SERVICES'),
    at('nat', 'OUTPUT', 'kubernetes service portals', 'KUBE-SERVICES'),
    at('nat', 'POSTROUTING', 'kubernetes postrouting rules', 'KUBE-POSTROUTING'),
  ];
}

function loopback(family: Family): Cidr {
  const cidr = parseCidr(family === 'IPv4' ? '127.0.0.0/8' : '::1/128');
  if (cidr === undefined) throw new Error('loopback is a network');
  return cidr;
}
