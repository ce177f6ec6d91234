import type { Frontend, ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Packet, Verdict } from '../../compiler/semantics/packet.ts';
import { isLoopback, isNodeAddress, servesNodePorts } from '../../compiler/semantics/place.ts';
import type { Target } from '../../backends/target.ts';
import { servicePortText } from '../../compiler/values/names.ts';
import { protocolText } from '../../compiler/values/port.ts';

/** A frontend at the packet's destination, and its Service port. */
export interface Dialled {
  readonly port: ServicePortIR;
  readonly frontend: Frontend;
}

/** The frontends at a packet's destination, in the order in which rules check them. */
export function dialledBy({ protocol, destination, destinationPort }: Packet, { services, node }: Target): Dialled[] {
  const isHere = isNodeAddress(destination, node);
  const at = ({ kind }: Frontend) => (kind === 'nodePort' ? 1 : 0);
  return services
    .filter((port) => port.protocol === protocol)
    .flatMap((port) => port.frontends.map((frontend): Dialled => ({ port, frontend })))
    .filter(
      ({ frontend }) =>
        frontend.port === destinationPort && (frontend.kind === 'nodePort' ? isHere : frontend.address === destination),
    )
    .sort((a, b) => at(a.frontend) - at(b.frontend));
}

export function isInternal({ kind }: Frontend): boolean {
  return kind === 'clusterIP' || kind === 'clusterSetIP';
}

/** Why a packet reaches no endpoint, as a part of a sentence; undefined: it reaches one. */
export function whyNot(verdict: Verdict, packet: Packet, target: Target): string | undefined {
  const dialled = dialledBy(packet, target);
  switch (verdict.kind) {
    case 'forward':
      return undefined;
    case 'mixed':
      return 'another Service rejects connections at addresses of some of the endpoints';
    case 'reject':
      return refusal(dialled, 'reject') ?? 'rules reject it, although no Service calls for that';
    case 'drop':
      return (
        refusal(dialled, 'drop') ?? guarded(packet, target.node) ?? 'rules drop it, although no Service calls for that'
      );
    case 'accept':
      return healthCheck(packet, target);
    case 'untouched':
      return unserved(packet, dialled, target);
  }
}

function refusal(dialled: readonly Dialled[], kind: 'reject' | 'drop'): string | undefined {
  for (const { port, frontend } of dialled) {
    const name = nameOf(port);
    if (kind === 'drop' && frontend.kind === 'loadBalancerIP' && frontend.sourceRanges.length > 0) {
      const ranges = frontend.sourceRanges.slice(0, 5).join(', ');
      const more = frontend.sourceRanges.length > 5 ? ` and ${frontend.sourceRanges.length - 5} more` : '';
      return `the client is not in loadBalancerSourceRanges of ${name}: ${ranges}${more}`;
    }
    const route = isInternal(frontend) ? port.internal : port.external;
    if (route.kind !== kind) continue;
    switch (route.why) {
      case 'no-endpoints':
        return `no endpoint of ${name} is ready (${knownText(port.known.length)})`;
      case 'no-local-endpoints': {
        const policy = isInternal(frontend) ? 'internalTrafficPolicy' : 'externalTrafficPolicy';
        return `${policy} of ${name} is Local, and it has no ready endpoint on this node`;
      }
    }
  }
  return undefined;
}

function knownText(count: number): string {
  if (count === 0) return 'none is known';
  return count === 1 ? 'one is known' : `${count} are known`;
}

function guarded({ destination, source }: Packet, node: NodeContext): string | undefined {
  if (!isLoopback(destination) || isLoopback(source) || !node.nodePorts.loopback) return undefined;
  return 'node ports are served on loopback addresses, so the rules block other clients there';
}

function healthCheck({ destinationPort }: Packet, { services }: Target): string | undefined {
  const port = services.find(({ healthCheckNodePort }) => healthCheckNodePort === destinationPort);
  return port && `it is the health check node port of ${port.service}`;
}

function unserved(packet: Packet, dialled: readonly Dialled[], { services, node }: Target): string {
  const { destination, destinationPort, protocol } = packet;
  const [nodePort] = dialled.filter(({ frontend }) => frontend.kind === 'nodePort');
  if (nodePort !== undefined && !servesNodePorts(destination, node)) {
    return `node ports, such as that of ${nameOf(nodePort.port)}, do not answer at ${destination}`;
  }
  const beside = services.flatMap((port) =>
    port.frontends
      .filter((frontend) => frontend.kind !== 'nodePort' && frontend.address === destination)
      .map((frontend) => `${frontend.port}/${protocolText(port.protocol)} (${nameOf(port)})`),
  );
  const place = `${destinationPort}/${protocolText(protocol)}`;
  if (beside.length > 0) {
    const more = beside.length > 5 ? ` and ${beside.length - 5} more` : '';
    return `no Service is served at ${place} of this address; Services are served at ${beside.slice(0, 5).join(', ')}${more}`;
  }
  const endpoint = services.find(({ known }) =>
    known.some(({ address, port }) => address === destination && port === destinationPort),
  );
  if (endpoint !== undefined)
    return `the destination is an endpoint of ${nameOf(endpoint)}, not the address of a Service`;
  return isNodeAddress(destination, node)
    ? `no Service has node port ${place}`
    : 'no Service is served at this address';
}

function nameOf({ service, portName }: ServicePortIR): string {
  return servicePortText(service, portName);
}
