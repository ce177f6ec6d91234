import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import type { Packet, Trace } from '../../../compiler/semantics/packet.ts';
import { toVerdict } from '../../../compiler/semantics/verdict.ts';
import { arrived, type Flow, startFlow } from './flow.ts';
import { isLocalAddress, type TraceOptions } from '../text/matches.ts';
import type { KernelChain, Ruleset, Table } from '../rule.ts';
import { createWalk } from './walk.ts';

/**
 * What a ruleset does to the first packet of a connection, and by which rules: a small netfilter.
 *
 * Of a host's routing it knows only local or not, of connections only new ones, and of rules only
 * slicewright's; policies are ACCEPT. Total: a rule that it cannot follow is named in the steps and passed over.
 *
 * source  Linux, net/ipv4/ip_input.c, ip_forward.c, ip_output.c; enum nf_ip_hook_priorities
 */
export function traceRuleset(ruleset: Ruleset, packet: Packet, node: NodeContext, options: TraceOptions = {}): Trace {
  const walk = createWalk(ruleset, node, options);
  const through = (stages: readonly Stage[], flows: readonly Flow[]) =>
    stages.reduce((going, [table, chain]) => walk.pass(table, chain, going), [...flows]);
  const isLocal = (flow: Flow) => isLocalAddress(flow.destination, { ruleset, node, options });

  const end: Flow[] = [];
  if (packet.from.kind === 'node') {
    const sent = through([...leaving, ...out], [startFlow(packet)]);
    end.push(...sent.filter((flow) => !isLocal(flow)));
    // It comes round by the loopback interface, where nat does not look at it again.
    const back = sent.filter(isLocal).map((flow) => ({ ...flow, inInterface: 'lo' }));
    end.push(...through([['mangle', 'PREROUTING'], ...inward], back));
  } else {
    const routed = through(arriving, [startFlow(packet)]);
    end.push(...through(inward, routed.filter(isLocal)));
    end.push(
      ...through(
        [...passing, ...out],
        routed.filter((flow) => !isLocal(flow)),
      ),
    );
  }
  return { verdict: toVerdict([...walk.refused, ...end.map(arrived)]), steps: walk.steps };
}

type Stage = readonly [Table, KernelChain];

const arriving: readonly Stage[] = [
  ['mangle', 'PREROUTING'],
  ['nat', 'PREROUTING'],
];
const inward: readonly Stage[] = [
  ['mangle', 'INPUT'],
  ['filter', 'INPUT'],
];
const passing: readonly Stage[] = [
  ['mangle', 'FORWARD'],
  ['filter', 'FORWARD'],
];
const leaving: readonly Stage[] = [
  ['mangle', 'OUTPUT'],
  ['nat', 'OUTPUT'],
  ['filter', 'OUTPUT'],
];
const out: readonly Stage[] = [
  ['mangle', 'POSTROUTING'],
  ['nat', 'POSTROUTING'],
];
