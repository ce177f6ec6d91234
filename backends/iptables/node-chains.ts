import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { ChainPrefix } from '../../compiler/settings.ts';
import { type Cidr, type Family, hostCidr, parseCidr } from '../../compiler/values/address.ts';
import { counting } from '../netfilter/accounts.ts';
import { makeHook } from '../netfilter/chain.ts';
import {
  chainKey,
  type ChainName,
  type CtState,
  type Hook,
  type KernelChain,
  type Match,
  type Rule,
  type Table,
} from '../netfilter/rule.ts';
import { guardRule } from '../netfilter/loopback-guard.ts';
import { chainUnder, ruleUnder } from '../netfilter/prefix.ts';
import { comment } from './matches.ts';
import { nodeChain } from './names.ts';

/** A chain that exists once per node, with the rules before and after those of Services. */
export interface NodeChain {
  readonly table: Table;
  readonly name: ChainName;
  readonly head: readonly Rule[];
  readonly tail: readonly Rule[];
}

export function nodeChains(node: NodeContext): NodeChain[] {
  const mark = 2 ** node.masqueradeBit;
  const { chainPrefix } = node;
  const under = (rules: readonly Rule[]) => rules.map((rule) => ruleUnder(rule, chainPrefix));
  const chain = (table: Table, name: ChainName, head: readonly Rule[] = [], tail: readonly Rule[] = []): NodeChain => ({
    table,
    name: chainUnder(name, chainPrefix),
    head: under(head),
    tail: under(tail),
  });
  return [
    ...(['mangle', 'filter', 'nat'] as const).map((table) => chain(table, nodeChain.canary)),
    chain('filter', nodeChain.services),
    chain('filter', nodeChain.externalServices),
    chain('filter', nodeChain.nodePorts),
    chain('filter', nodeChain.proxyFirewall),
    chain('filter', nodeChain.forward, forwardRules(node, mark)),
    chain('filter', nodeChain.firewall, firewallRules(node)),
    chain('nat', nodeChain.services, [], nodePortJumps(node)),
    chain('nat', nodeChain.nodePorts),
    chain('nat', nodeChain.postrouting, postroutingRules(mark)),
    chain('nat', nodeChain.markMasquerade, [{ matches: [], target: { kind: 'mark', value: mark, mask: mark } }]),
  ];
}

const standing: readonly (readonly [Table, ChainName])[] = [
  ['mangle', nodeChain.canary],
  ['filter', nodeChain.canary],
  ['nat', nodeChain.canary],
  ['nat', nodeChain.markMasquerade],
  // Where no local address answers on node ports, nothing leads there.
  ['nat', nodeChain.nodePorts],
];

/** Chains that exist even where no rule leads to them: canaries and the chain that marks. */
export function standingChains(prefix: ChainPrefix): ReadonlySet<string> {
  return new Set(standing.map(([table, name]) => chainKey(table, chainUnder(name, prefix))));
}

function forwardRules(node: NodeContext, mark: number): Rule[] {
  const established: CtState[] = ['RELATED', 'ESTABLISHED'];
  return [
    // A packet that conntrack takes for invalid would go on untranslated and have its connection
    // reset by the client. Liberal conntrack takes none for invalid that should not be.
    ...(node.conntrackTcpBeLiberal ? [] : [invalidRule(node)]),
    {
      matches: [comment('kubernetes forwarding rules'), { kind: 'mark', value: mark, mask: mark }],
      target: { kind: 'accept' },
    },
    { matches: [comment('kubernetes forwarding conntrack rule'), ctstate(established)], target: { kind: 'accept' } },
  ];
}

function invalidRule({ packetCounters }: NodeContext): Rule {
  return {
    matches: [ctstate(['INVALID']), ...(packetCounters ? [counting('invalid')] : [])],
    target: { kind: 'drop' },
  };
}

const loopback = parseCidr('127.0.0.0/8') as Cidr;
const loopback6 = parseCidr('::1/128') as Cidr;

function firewallRules(node: NodeContext): Rule[] {
  return node.family === 'IPv4' && node.nodePorts.loopback ? [guardRule] : [];
}

function postroutingRules(mark: number): Rule[] {
  return [
    { matches: [{ kind: 'mark', value: mark, mask: mark, not: true }], target: { kind: 'return' } },
    // The mark is flipped off, so that a packet that passes here twice is masqueraded once.
    { matches: [], target: { kind: 'mark', value: mark, mask: 0 } },
    {
      matches: [comment('kubernetes service traffic requiring SNAT')],
      target: { kind: 'masquerade', randomFully: true },
    },
  ];
}

/** What was for no Service address may be for a node port. Last, since Service addresses can be local too. */
function nodePortJumps(node: NodeContext): Rule[] {
  const words = comment('kubernetes service nodeports; NOTE: this must be the last rule in this chain');
  const target = { kind: 'jump', chain: nodeChain.nodePorts } as const;
  if (node.nodePorts.kind === 'some') {
    return node.nodePorts.addresses.map((address) => ({
      matches: [{ kind: 'destination', cidr: hostCidr(address) }, words],
      target,
    }));
  }
  const notLoopback: Match[] = node.nodePorts.loopback
    ? []
    : [{ kind: 'destination', cidr: node.family === 'IPv4' ? loopback : loopback6, not: true }];
  return [{ matches: [...notLoopback, words, { kind: 'addrtype', side: 'dst' }], target }];
}

/**
 * Slicewright's jumps out of the kernel's chains, in the order of a host where kube-proxy came first: it
 * inserts each in front of those before it.
 */
export function hooks(node: NodeContext): Hook[] {
  return hookTable.map((row) => hookOf(row, node.family, node.chainPrefix));
}

/** Those that lead to one chain. */
export function hooksTo(chain: ChainName, family: Family, prefix: ChainPrefix): Hook[] {
  return hookTable.filter(([, , to]) => to === chain).map((row) => hookOf(row, family, prefix));
}

function hookOf([table, kernel, chain, words, states]: HookRow, family: Family, prefix: ChainPrefix): Hook {
  const matches: Match[] = [];
  if (states !== undefined) matches.push(ctstate(states));
  if (words !== undefined) matches.push(comment(words));
  return makeHook(family, table, kernel, ruleUnder({ matches, target: { kind: 'jump', chain } }, prefix));
}

type HookRow = readonly [Table, KernelChain, ChainName, words?: string, states?: readonly CtState[]];

const firewall = 'kubernetes load balancer firewall';
const visible = 'kubernetes externally-visible service portals';
const portals = 'kubernetes service portals';

const hookTable: readonly HookRow[] = [
  ['filter', 'INPUT', nodeChain.firewall],
  ['filter', 'INPUT', nodeChain.proxyFirewall, firewall, ['NEW']],
  ['filter', 'INPUT', nodeChain.nodePorts, 'kubernetes health check service ports'],
  ['filter', 'INPUT', nodeChain.externalServices, visible, ['NEW']],
  ['filter', 'FORWARD', nodeChain.proxyFirewall, firewall, ['NEW']],
  ['filter', 'FORWARD', nodeChain.forward, 'kubernetes forwarding rules'],
  ['filter', 'FORWARD', nodeChain.services, portals, ['NEW']],
  ['filter', 'FORWARD', nodeChain.externalServices, visible, ['NEW']],
  ['filter', 'OUTPUT', nodeChain.firewall],
  ['filter', 'OUTPUT', nodeChain.proxyFirewall, firewall, ['NEW']],
  ['filter', 'OUTPUT', nodeChain.services, portals, ['NEW']],
  ['nat', 'PREROUTING', nodeChain.services, portals],
  ['nat', 'OUTPUT', nodeChain.services, portals],
  ['nat', 'POSTROUTING', nodeChain.postrouting, 'kubernetes postrouting rules'],
];

function ctstate(states: readonly CtState[]): Match {
  return { kind: 'ctstate', states };
}
