import type { Comparison } from '../../backends/equivalence/compare.ts';
import type { Look, PortOf } from '../../backends/equivalence/look.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { disagreement } from '../../compiler/semantics/agree.ts';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { formatPacket } from '../../compiler/semantics/packet-text.ts';
import { isNodeAddress } from '../../compiler/semantics/place.ts';
import type { IpAddress } from '../../compiler/values/address.ts';

/** Few addresses and ports, so that every packet between them can be followed. */
export interface Universe {
  readonly destinations: readonly IpAddress[];
  readonly ports: readonly PortOf[];
  readonly sources: readonly IpAddress[];
  readonly interfaces: readonly string[];
}

/** Every packet of a universe that a kernel allows. */
export function* packetsOf(
  { destinations, ports, sources, interfaces }: Universe,
  node: NodeContext,
): Generator<Packet> {
  for (const destination of destinations) {
    for (const { protocol, port } of ports) {
      const to = { family: node.family, destination, protocol, destinationPort: port };
      for (const source of sources) {
        if (isNodeAddress(source, node)) yield { ...to, source, from: { kind: 'node' } };
        else if (source !== destination) {
          for (const name of interfaces) yield { ...to, source, from: { kind: 'interface', name } };
        }
      }
    }
  }
}

/**
 * Packets that two programs treat differently, but that a comparison does not report: no reported place has their
 * protocol and their port, or their protocol and a port that stands for all unused ones.
 */
export function missedBy(
  { differences }: Pick<Comparison, 'differences'>,
  wanted: Look,
  found: Look,
  universe: Universe,
  node: NodeContext,
): string[] {
  const named = new Set(
    differences.flatMap(({ place: { protocol, port } }) => [
      `${protocol} ${port}`,
      ...(port > 65_000 ? [`${protocol} any`] : []),
    ]),
  );
  const missed: string[] = [];
  for (const packet of packetsOf(universe, node)) {
    const { protocol, destinationPort } = packet;
    if (named.has(`${protocol} ${destinationPort}`) || named.has(`${protocol} any`)) continue;
    const [should, is] = [wanted, found].map((look) => look.trace(packet, { brief: true }));
    if (should === undefined || is === undefined) continue;
    const reason = disagreement(should.verdict, is.verdict);
    if (reason !== undefined) missed.push(`${formatPacket(packet)}: ${reason}`);
  }
  return missed;
}
