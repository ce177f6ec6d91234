import { endpointText } from '../../compiler/ir/ir.ts';
import { formatPacket } from '../../compiler/semantics/packet-text.ts';
import { formatTrace, formatVerdict } from '../../compiler/semantics/verdict-text.ts';
import { type DocumentFormat, documentText } from '../terminal/document.ts';
import type { Verification } from './verify-found.ts';

/** The result of verification, for programs: one document for all families. */
export function foundDocument(found: readonly Verification[], format: DocumentFormat): Promise<string> {
  const families = found.map((one) => ({
    family: one.family,
    source: one.source,
    result: one.result,
    isFiltered: one.isFiltered,
    packets: one.tried,
    differences: one.differences.map(({ place, servicePort, kinds, examples }) => ({
      address: place.address,
      port: place.port,
      protocol: place.protocol,
      servicePort: servicePort ?? null,
      clients: kinds,
      examples: examples.map(({ packet, wanted, found: is, reason }) => ({
        packet: formatPacket(packet),
        reason,
        wanted: formatVerdict(wanted.verdict),
        found: formatVerdict(is.verdict),
        rules: formatTrace(is),
      })),
    })),
    notUnderstood: one.unfollowed,
    mayIntercept: one.mayIntercept,
    sampled: one.sampled.map((place) => `${endpointText(place)}/${place.protocol}`),
  }));
  return documentText('Verification', { families }, format);
}
