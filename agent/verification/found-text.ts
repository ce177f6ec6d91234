import type { Example } from '../../backends/equivalence/compare.ts';
import { endpointText } from '../../compiler/ir/ir.ts';
import { formatPacket } from '../../compiler/semantics/packet-text.ts';
import { formatTrace } from '../../compiler/semantics/verdict-text.ts';
import { counted } from '../../compiler/values/counted.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { protocolText } from '../../compiler/values/port.ts';
import type { NamedDifference, Verification } from './verify-found.ts';

export interface TextChoices {
  /** Every difference, every example, and all rules on its way. */
  readonly verbose: boolean;
}

/** How many differences, and rules of one way, are shown without `verbose`. */
const mostPlaces = 20;
const mostRules = 4;

/** The result of one family's verification, for people. */
export function foundText(found: Verification, { verbose }: TextChoices): string {
  const { family, source, tried, differences, unfollowed, sampled, mayIntercept, isFiltered } = found;
  const shown = verbose ? differences : differences.slice(0, mostPlaces);
  const more = differences.length - shown.length;
  const chosen = isFiltered ? ' of the chosen Services, the others left out' : '';
  return [
    `${family}, ${source}: ${resultText(found)} (${counted(tried, 'kind')} of packets followed${chosen})`,
    ...shown.flatMap((one) => placeLines(one, verbose)),
    ...(more > 0 ? [`  ${counted(more, 'more place')}: verify --verbose has them`] : []),
    ...unfollowed.map((rule) => `  not understood, so its effect is unknown: ${printable(rule, 300)}`),
    ...mayIntercept.map((rule) => `  another program's rule may intercept: ${printable(rule, 300)}`),
    ...(sampled.length > 0
      ? [`  at ${counted(sampled.length, 'place')} not every kind of client was tried: there are more than a hundred`]
      : []),
    '',
  ].join('\n');
}

function resultText({ result, differences, unfollowed }: Verification): string {
  switch (result) {
    case 'equal':
      return 'all packets are treated as expected';
    case 'equal but text differs':
      return 'all packets are treated as expected, by rules with different text';
    case 'different':
      return differences.length === 0
        ? `${counted(unfollowed.length, 'rule')} not understood`
        : `${counted(differences.length, 'place')} where packets are treated differently than expected`;
  }
}

function placeLines({ place, servicePort, kinds, examples }: NamedDifference, verbose: boolean): string[] {
  const where = `${endpointText(place)}/${protocolText(place.protocol)}`;
  const head = `  ${where} ${servicePort ?? '(no Service)'}: ${kinds.different} of ${counted(kinds.tried, 'kind')} of clients`;
  return [head, ...(verbose ? examples : examples.slice(0, 1)).flatMap((example) => exampleLines(example, verbose))];
}

/** What happens to one packet, and the last rules found that it met. */
function exampleLines({ packet, reason, found }: Example, verbose: boolean): string[] {
  const rules = formatTrace(found);
  return [
    `    ${formatPacket(packet)}: ${printable(reason, 400)}`,
    ...(verbose ? rules : rules.slice(-mostRules)).map((rule) => `      ${printable(rule, 300)}`),
  ];
}
