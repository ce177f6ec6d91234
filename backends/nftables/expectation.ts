import type { Frontend, ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import {
  expectation,
  type Gate,
  type Gates,
  healthCheckGate,
  sourceRangeGate,
} from '../../compiler/semantics/expect.ts';
import type { OwnedFrontend } from '../../compiler/semantics/frontend-index.ts';
import type { Packet, Verdict } from '../../compiler/semantics/packet.ts';
import { isLoopback, servesNodePorts } from '../../compiler/semantics/place.ts';

/**
 * What an nftables program is held to: the {@link expectation}, and exactly these exceptions, which are those of
 * kube-proxy's nftables mode as well.
 *
 * 1. Node ports do not answer on loopback.
 * 2. A cluster IP refuses ports that no Service has, instead of letting the packet go to nowhere.
 * 3. A place without endpoints refuses all packets: also those that begin on the node, and those that were translated to it
 *    and are masqueraded. A node port does so only where it would answer.
 */
export function nftablesExpectation(
  services: readonly ServicePortIR[],
  node: NodeContext,
): (packet: Packet) => Verdict {
  const clusterIPs = new Set(
    services
      .filter(({ family }) => family === node.family)
      .flatMap(({ frontends }) => frontends)
      .flatMap((frontend) => (isInternal(frontend) ? [frontend.address] : [])),
  );
  const clusterIpGate: Gate = (_index, _node, _packet, flow) => (clusterIPs.has(flow.address) ? 'reject' : 'pass');
  const leaving = [sourceRangeGate, refusedGate, clusterIpGate];
  const gates: Gates = {
    fromNode: leaving,
    fromNodeToItself: [...leaving, healthCheckGate, refusedNodePortGate],
    toNode: [sourceRangeGate, healthCheckGate, refusedGate, refusedNodePortGate],
    through: leaving,
  };
  return expectation(services, withoutLoopback(node), { gates });
}

/** The same node, where node ports do not answer on 127.0.0.1. */
export function withoutLoopback(node: NodeContext): NodeContext {
  const { nodePorts } = node;
  return {
    ...node,
    nodePorts:
      nodePorts.kind === 'all'
        ? { kind: 'all', loopback: false }
        : { kind: 'some', addresses: nodePorts.addresses.filter((one) => !isLoopback(one)), loopback: false },
  };
}

function isInternal(frontend: Frontend): frontend is Extract<Frontend, { kind: 'clusterIP' | 'clusterSetIP' }> {
  return frontend.kind === 'clusterIP' || frontend.kind === 'clusterSetIP';
}

const refusedGate: Gate = (index, _node, packet, flow) =>
  firstRefusal(index.atAddress(packet.protocol, flow.address, flow.port));

const refusedNodePortGate: Gate = (index, node, packet, flow) =>
  servesNodePorts(flow.address, node) ? firstRefusal(index.atNodePort(packet.protocol, flow.port)) : 'pass';

function firstRefusal(owned: readonly OwnedFrontend[]): 'reject' | 'drop' | 'pass' {
  for (const { service, frontend } of owned) {
    const route = isInternal(frontend) ? service.internal : service.external;
    if (route.kind !== 'forward') return route.kind;
  }
  return 'pass';
}
