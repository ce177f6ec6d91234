import type { Witness } from '../../backends/backend.ts';
import type { Target } from '../../backends/target.ts';
import { formatPacket } from '../../compiler/semantics/packet-text.ts';
import { formatTrace, formatVerdict } from '../../compiler/semantics/verdict-text.ts';
import { formatMismatch, type Mismatch } from '../../compiler/semantics/verify.ts';
import type { Family } from '../../compiler/values/address.ts';
import { counted } from '../../compiler/values/counted.ts';
import { servicePortText } from '../../compiler/values/names.ts';
import type { IsNameSelected } from '../input/selection.ts';
import { type DocumentFormat, documentText } from '../terminal/document.ts';
import { servicePortsOf } from './verify-found.ts';

/** The result of the probes for one family's program. */
export interface ProbedFamily {
  readonly family: Family;
  /** The Service ports that were checked. */
  readonly servicePorts: number;
  readonly mismatches: readonly NamedMismatch[];
}

export interface NamedMismatch extends Mismatch {
  /** `shop/cart:http`; undefined: the destination is no Service's. */
  readonly servicePort: string | undefined;
}

/**
 * Sends the probes of a target through its program.
 *
 * isAsked   which Service ports to report; undefined: all, and every place without a Service
 */
export function probeFamily(
  family: Family,
  verify: Witness['verify'],
  target: Target,
  isAsked: IsNameSelected | undefined,
): ProbedFamily {
  const nameOf = servicePortsOf(target);
  const isTold = (name: string | undefined) => isAsked === undefined || isAsked(name ?? '');
  const mismatches = verify(target).map((one): NamedMismatch => {
    const { destination, destinationPort, protocol } = one.packet;
    return { ...one, servicePort: nameOf({ address: destination, port: destinationPort, protocol }) };
  });
  return {
    family,
    servicePorts: target.services.filter(({ service, portName }) => isTold(servicePortText(service, portName))).length,
    mismatches: mismatches.filter(({ servicePort }) => isTold(servicePort)),
  };
}

/** For people: each mismatch with the rules that were met, then the sum. */
export function probesText({ family, servicePorts, mismatches }: ProbedFamily): string {
  const verdict =
    mismatches.length === 0
      ? 'all probes get the expected result'
      : `${counted(mismatches.length, 'probe')} with a different result`;
  return [
    ...mismatches.map(formatMismatch),
    `${family}: ${counted(servicePorts, 'Service port')}, ${verdict}`,
    '',
  ].join('\n');
}

/** For programs: one document of all families. */
export function probesDocument(found: readonly ProbedFamily[], format: DocumentFormat): Promise<string> {
  const families = found.map(({ family, servicePorts, mismatches }) => ({
    family,
    result: mismatches.length === 0 ? 'equal' : 'different',
    servicePorts,
    mismatches: mismatches.map(({ packet, servicePort, reason, expected, trace }) => ({
      packet: formatPacket(packet),
      servicePort: servicePort ?? null,
      reason,
      wanted: formatVerdict(expected),
      found: formatVerdict(trace.verdict),
      rules: formatTrace(trace),
    })),
  }));
  return documentText('ProgramVerification', { families }, format);
}
