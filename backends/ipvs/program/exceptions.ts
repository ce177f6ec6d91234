import type { Frontend, ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { expectation } from '../../../compiler/semantics/expect.ts';
import { indexFrontends } from '../../../compiler/semantics/frontend-index.ts';
import type { Packet, Verdict } from '../../../compiler/semantics/packet.ts';
import { isLoopback, isNodeAddress, servesNodePorts } from '../../../compiler/semantics/place.ts';
import type { IpAddress } from '../../../compiler/values/address.ts';
import { withinReach } from './reachable.ts';
import { realServers, schedulerFor } from './servers.ts';

/**
 * Where IPVS cannot do what a Service port asks for, and what it does instead, in words for
 * the Service's owner.
 */
export function shortcomings(
  ir: ServicePortIR,
  node: NodeContext,
): readonly { readonly code: string; readonly message: string }[] {
  const found: { code: string; message: string }[] = [];
  if (ir.affinity.kind === 'clientIP' && ir.frontends.length > 1) {
    found.push({
      code: 'ipvs-affinity-per-frontend',
      message: `${ir.id}: IPVS remembers a client per address and port; one that uses another of them may reach another endpoint`,
    });
  }
  if (staysLocal(ir) && ir.frontends.some(isExternal) && ir.pools.cluster.some(({ local }) => !local)) {
    found.push({
      code: 'ipvs-external-stays-local',
      message: `${ir.id}: IPVS cannot tell this node's own traffic to its external addresses from others'; it goes to the endpoints on this node`,
    });
  }
  const replaced = replacedScheduler(ir, node);
  if (replaced !== undefined) {
    found.push({
      code: 'ipvs-scheduler-weights',
      message: `${ir.id}: its endpoints have different weights, which scheduler ${node.ipvs.scheduler} ignores; ${replaced} is used`,
    });
  }
  return found;
}

function isExternal({ kind }: Frontend): boolean {
  return kind !== 'clusterIP' && kind !== 'clusterSetIP';
}

function staysLocal(ir: ServicePortIR): boolean {
  return ir.keepClientAddress && ir.external.kind === 'forward';
}

function replacedScheduler(ir: ServicePortIR, node: NodeContext): string | undefined {
  for (const pool of [ir.pools.cluster, ir.pools.local]) {
    const scheduler: string = schedulerFor(
      node.ipvs.scheduler,
      realServers(pool).map(({ weight }) => weight),
    );
    if (scheduler !== node.ipvs.scheduler) return scheduler;
  }
  return undefined;
}

/**
 * {@link expectation} with the exceptions of IPVS: what its programs are held to, exactly.
 *
 * Each exception is one change to what is asked, so that the reference decides all else.
 * README.md gives their reasons.
 */
export function ipvsExpectation(given: readonly ServicePortIR[], node: NodeContext): (packet: Packet) => Verdict {
  const services = given.map((ir) => withinReach(ir, node));
  const asked = expectation(services.flatMap(asIpvsHasIt), withoutLoopbackNodePorts(node), { once: true });
  const bound = boundAddresses(services, node);
  const withoutNodePorts = expectation(
    services.flatMap(asIpvsHasIt).map((ir) => ({ ...ir, frontends: ir.frontends.filter(hasAddress) })),
    withoutLoopbackNodePorts(node),
    { once: true },
  );
  const index = indexFrontends(services.filter(({ family }) => family === node.family));
  const servesAt = (address: IpAddress) => servesNodePorts(address, withoutLoopbackNodePorts(node));
  /** The owner of the virtual server that a packet meets. */
  const virtualServerAt = ({ protocol, destination, destinationPort }: Packet) =>
    [
      ...index.atAddress(protocol, destination, destinationPort),
      ...(servesAt(destination) ? index.atNodePort(protocol, destinationPort) : []),
    ][0]?.service;
  return (packet) => {
    if (packet.from.kind === 'interface' && bound.has(packet.source)) return { kind: 'drop' };
    const isOwn =
      packet.from.kind === 'node' && (bound.has(packet.destination) || isNodeAddress(packet.destination, node));
    const server = virtualServerAt(packet);
    // A virtual server at the very address is there with or without endpoints, and a node port would come after it.
    const here = index.atAddress(packet.protocol, packet.destination, packet.destinationPort).length > 0;
    const verdict = (here ? withoutNodePorts : asked)(
      isOwn && !isLoopback(packet.destination) ? { ...packet, source: node.nodeIP } : packet,
    );
    if (verdict.kind === 'untouched' && bound.has(packet.destination)) {
      const isProbe = packet.protocol === 'TCP' && index.isHealthCheckPort(packet.destinationPort);
      return { kind: isProbe && server === undefined ? 'accept' : 'reject' };
    }
    if (verdict.kind === 'accept' && server !== undefined && server.external.kind !== 'forward') {
      return { kind: server.external.kind };
    }
    if (isRefused(verdict) && server === undefined && !bound.has(packet.destination)) return { kind: 'untouched' };
    if (verdict.kind === 'forward' && isOwn) {
      return { kind: 'forward', to: verdict.to.map((share) => ({ ...share, masquerade: true })) };
    }
    return verdict;
  };
}

function hasAddress({ kind }: Frontend): boolean {
  return kind !== 'nodePort';
}

function isRefused({ kind }: Verdict): boolean {
  return kind === 'reject' || kind === 'drop';
}

/** A virtual server has one list of real servers for everyone: where outsiders stay on this node, its own traffic does too. */
function asIpvsHasIt(ir: ServicePortIR): readonly ServicePortIR[] {
  if (!staysLocal(ir)) return [ir];
  return [
    { ...ir, frontends: ir.frontends.filter((frontend) => !isExternal(frontend)) },
    { ...ir, frontends: ir.frontends.filter(isExternal), pools: { ...ir.pools, cluster: ir.pools.local } },
  ];
}

/** IPVS takes no packet with a loopback address. */
function withoutLoopbackNodePorts(node: NodeContext): NodeContext {
  const { nodePorts } = node;
  if (nodePorts.kind === 'all') return { ...node, nodePorts: { ...nodePorts, loopback: false } };
  const addresses = nodePorts.addresses.filter((address) => !isLoopback(address));
  return { ...node, nodePorts: { kind: 'some', addresses, loopback: false } };
}

function boundAddresses(services: readonly ServicePortIR[], node: NodeContext): ReadonlySet<IpAddress> {
  return new Set(
    services
      .filter(({ family }) => family === node.family)
      .flatMap(({ frontends }) => frontends)
      .flatMap((frontend) => (frontend.kind === 'nodePort' ? [] : [frontend.address]))
      .filter((address) => !node.addresses.includes(address)),
  );
}
