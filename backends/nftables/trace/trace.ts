import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import type { Packet, Trace } from '../../../compiler/semantics/packet.ts';
import { isNodeAddress } from '../../../compiler/semantics/place.ts';
import { toVerdict } from '../../../compiler/semantics/verdict.ts';
import type { LookOptions } from '../../equivalence/look.ts';
import type { NftProgram } from '../program/program.ts';
import { arrived, type Flow, startFlow } from './flow.ts';
import { createWalk } from './walk.ts';

const both = ['filter', 'nat'] as const;
/** What has come round by the loopback interface has been translated, or not, on its way out. */
const again = ['filter'] as const;

/**
 * What a program does to the first packet of a connection, and by which rules.
 *
 * Of a host's routing it knows only local or not, of connections only new ones, and of tables only this one; policies are
 * accept. Total: what it cannot follow is named in the steps and passed over. It reads kube-proxy's tables as well.
 */
export function traceProgram(program: NftProgram, packet: Packet, node: NodeContext, how: LookOptions = {}): Trace {
  const walk = createWalk(program, node, how);
  const isLocal = (flow: Flow) => isNodeAddress(flow.destination, node);
  const isPassing = (flow: Flow) => !isLocal(flow);
  const end: Flow[] = [];
  if (packet.from.kind === 'node') {
    const sent = walk.pass('postrouting', both, walk.pass('output', both, [startFlow(packet)]));
    end.push(...sent.filter(isPassing));
    const back = sent.filter(isLocal).map((flow) => ({ ...flow, inInterface: 'lo' }));
    end.push(...walk.pass('input', both, walk.pass('prerouting', again, back)));
  } else {
    const routed = walk.pass('prerouting', both, [startFlow(packet)]);
    end.push(...walk.pass('input', both, routed.filter(isLocal)));
    end.push(...walk.pass('postrouting', both, walk.pass('forward', both, routed.filter(isPassing))));
  }
  return { verdict: toVerdict([...walk.refused, ...end.map(arrived)]), steps: walk.steps };
}
