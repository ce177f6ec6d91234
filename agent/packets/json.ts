import type { Frontend } from '../../compiler/ir/ir.ts';
import { formatPacket } from '../../compiler/semantics/packet-text.ts';
import type { WayStep } from '../../compiler/semantics/way.ts';
import { shareJson } from '../explain/json.ts';
import { type DocumentFormat, documentText } from '../terminal/document.ts';
import type { ExplainedPacket, Outcome } from './explained.ts';
import { unlike } from './text.ts';

/** Explained packets for programs; docs/commands.md shows the shape. Fractions are exact, numerator and denominator as text. */
export function packetsDocument(packets: readonly ExplainedPacket[], format: DocumentFormat): Promise<string> {
  return documentText('ExplainedPackets', { packets: packets.map(packetJson) }, format);
}

function packetJson({ packet, who, dialled, others, wanted, found, unused }: ExplainedPacket) {
  const { source, destination, destinationPort, protocol, family, from } = packet;
  return {
    packet: formatPacket(packet),
    family,
    protocol,
    source,
    interface: from.kind === 'interface' ? from.name : null,
    sender: who ?? null,
    destination,
    port: destinationPort,
    servicePort: dialled?.servicePort ?? null,
    frontend: dialled === undefined ? null : frontendJson(dialled.frontend),
    otherFrontends: others.map(frontendJson),
    wanted: outcomeJson(wanted, undefined),
    found: found.map((one) => ({
      source: one.source,
      agrees: one.difference === undefined,
      difference: one.difference ?? null,
      mayIntercept: one.mayIntercept,
      ...outcomeJson(one, unlike(wanted.way)),
    })),
    unused: unused.map(({ record, reasons }) => ({
      address: record.address,
      port: record.port,
      cluster: record.cluster ?? null,
      ready: record.ready,
      serving: record.serving,
      terminating: record.terminating,
      reasons,
    })),
  };
}

function frontendJson(frontend: Frontend) {
  const { kind, port } = frontend;
  return { kind, address: frontend.kind === 'nodePort' ? null : frontend.address, port };
}

function outcomeJson(
  { verdict, why, endpoints, clusters, way }: Outcome,
  isMarked: ((step: WayStep) => boolean) | undefined,
) {
  return {
    verdict: verdict.kind,
    why: why ?? null,
    endpoints: endpoints.map(({ address, port, share, masquerade, record }) => ({
      address,
      port,
      cluster: record?.cluster ?? null,
      isOfService: record !== undefined,
      share: shareJson(share),
      masquerade,
    })),
    clusters: clusters.map(({ cluster, share }) => ({ cluster, share: shareJson(share) })),
    rest: verdict.kind === 'mixed' ? verdict.rest.map(({ fate, share }) => ({ fate, share: shareJson(share) })) : [],
    way: way.map((step) => stepJson(step, isMarked)),
  };
}

function stepJson(step: WayStep, isMarked: ((step: WayStep) => boolean) | undefined): object {
  const { where, rule, share, skipped, isRepeated, steps } = step;
  return {
    where,
    rule,
    share: shareJson(share),
    skipped: skipped ?? null,
    ...(isMarked && { isWanted: !isMarked(step) }),
    isRepeated,
    steps: steps.map((inner) => stepJson(inner, isMarked)),
  };
}
