import { endpointText, type Frontend } from '../../compiler/ir/ir.ts';
import type { OtherShare, Verdict } from '../../compiler/semantics/packet.ts';
import { formatPacket } from '../../compiler/semantics/packet-text.ts';
import { formatFraction } from '../../compiler/semantics/verdict-text.ts';
import type { WayStep } from '../../compiler/semantics/way.ts';
import { counted } from '../../compiler/values/counted.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { one } from '../../compiler/values/rational.ts';
import { align, stateOf, whereOf } from '../explain/table.ts';
import { viaOf } from './dialled.ts';
import type { ExplainedPacket, FoundOutcome, Outcome, UnusedEndpoint, UsedEndpoint } from './explained.ts';

/** How many endpoints of a list, and rules of a chain, are shown without `verbose`. */
const most = 20;

export interface PacketTextChoices {
  /** Every endpoint and every rule. */
  readonly verbose: boolean;
}

/** What happens to a packet, for people: the answer first, the rules last. */
export function packetText(explained: ExplainedPacket, choices: PacketTextChoices): string {
  const { packet, wanted, found, unused } = explained;
  const limit = choices.verbose ? Number.POSITIVE_INFINITY : most;
  const sections = [
    [printable(formatPacket(packet), 400), ...headLines(explained)],
    [...answerLines(wanted), ...usedLines(wanted, limit)],
    unusedLines(unused, limit),
    ...found.map((one) => foundLines(one, limit)),
    ...waySections(explained, limit),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function headLines({ who, dialled, others }: ExplainedPacket): string[] {
  const from = who === undefined ? [] : [`from ${printable(who)}`];
  const to = dialled === undefined ? [] : [`to ${dialled.servicePort}, ${frontendText(dialled.frontend)}`];
  const words = [...from, ...to];
  return [
    ...(words.length === 0 ? [] : [`  ${words.join(' ')}`]),
    ...(others.length === 0 ? [] : [`  it answers also at ${shorten(others.map(otherText), 4)}`]),
  ];
}

function shorten(texts: readonly string[], limit: number): string {
  const more = texts.length - limit;
  return more > 0 ? `${texts.slice(0, limit).join(', ')} and ${more} more` : texts.join(', ');
}

function otherText(frontend: Frontend): string {
  const at = frontend.kind === 'nodePort' ? `${frontend.port}` : endpointText(frontend);
  return `${frontendText(frontend)} ${at} (--via ${viaOf(frontend)})`;
}

function frontendText({ kind }: Frontend): string {
  switch (kind) {
    case 'clusterIP':
      return 'cluster IP';
    case 'clusterSetIP':
      return 'cluster set IP';
    case 'externalIP':
      return 'external IP';
    case 'loadBalancerIP':
      return 'load balancer IP';
    case 'nodePort':
      return 'node port';
  }
}

const fateTexts: Readonly<Record<OtherShare['fate'], string>> = {
  reject: 'rejected, and the client is told at once',
  drop: 'dropped, and the client gets no answer',
  accept: 'accepted by the node itself',
  untouched: 'unchanged: no rule redirects it',
};

function answerLines({ verdict, why }: Outcome): string[] {
  const because = why === undefined ? [] : [`  because ${why}`];
  switch (verdict.kind) {
    case 'forward':
      return [`To ${counted(verdict.to.length, 'endpoint')}, ${masqueradeText(verdict)}`];
    case 'mixed':
      return [
        ...(verdict.to.length === 0
          ? []
          : [`To ${counted(verdict.to.length, 'endpoint')}, ${masqueradeText(verdict)}`]),
        ...verdict.rest.map(({ fate, share }) => `${formatFraction(share)} ${fateTexts[fate]}`),
        ...because,
      ];
    default:
      return [sentence(fateTexts[verdict.kind]), ...because];
  }
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

function masqueradeText({ to }: Extract<Verdict, { kind: 'forward' | 'mixed' }>): string {
  const masqueraded = to.filter(({ masquerade }) => masquerade).length;
  const sees = to.length === 1 ? 'it sees' : 'they see';
  if (masqueraded === 0) return `not masqueraded: ${sees} the client's address`;
  if (masqueraded === to.length) return `masqueraded: ${sees} an address of this node`;
  return `${masqueraded} of them masqueraded, which ${masqueraded === 1 ? 'sees' : 'see'} an address of this node`;
}

function usedLines({ endpoints, clusters }: Outcome, limit: number): string[] {
  if (endpoints.length === 0) return [];
  const rows = endpoints.slice(0, limit).map((endpoint) => usedCells(endpoint, endpoints));
  const total = `  by cluster: ${clusters.map(({ cluster, share }) => `${printable(cluster)} ${formatFraction(share)}`).join(', ')}`;
  return [
    ...align([['ENDPOINT', 'CLUSTER', 'SHARE'], ...rows]),
    ...moreLine(endpoints.length, limit, 'endpoint'),
    total,
  ];
}

function usedCells({ record, ...endpoint }: UsedEndpoint, all: readonly UsedEndpoint[]): string[] {
  const isMixed = all.some(({ masquerade }) => masquerade !== endpoint.masquerade);
  return [
    endpointText(endpoint),
    record === undefined ? 'no endpoint of this Service' : whereOf(record),
    `${formatFraction(endpoint.share)}${isMixed && endpoint.masquerade ? ' masqueraded' : ''}`,
  ];
}

function unusedLines(unused: readonly UnusedEndpoint[], limit: number): string[] {
  if (unused.length === 0) return [];
  const rows = unused
    .slice(0, limit)
    .map(({ record, reasons }) => [
      endpointText(record),
      whereOf(record),
      stateOf(record),
      printable(reasons.join('; '), 600),
    ]);
  return [
    `Not used: ${counted(unused.length, 'endpoint')}`,
    ...align([['ENDPOINT', 'CLUSTER', 'STATE', 'WHY'], ...rows]),
    ...moreLine(unused.length, limit, 'endpoint'),
  ];
}

function moreLine(count: number, limit: number, noun: string): string[] {
  return count > limit ? [`  ${counted(count - limit, `more ${noun}`)}: --verbose has them`] : [];
}

function foundLines(found: FoundOutcome, limit: number): string[] {
  const { source, difference, mayIntercept } = found;
  const where = printable(source);
  return [
    ...(difference === undefined
      ? [`In ${where}: the same`]
      : [
          `In ${where}: DIFFERENT: ${printable(difference, 600)}`,
          ...[...answerLines({ ...found, why: undefined }), ...usedLines(found, limit)].map((line) => `  ${line}`),
        ]),
    ...mayIntercept.slice(0, limit).map((rule) => `  another program's rule may intercept: ${printable(rule, 300)}`),
  ];
}

/** The packet's way: as found, and if that is wrong, also as it should be. */
function waySections({ wanted, found }: ExplainedPacket, limit: number): string[][] {
  if (found.length === 0) return [wayLines('The rules on its way', wanted.way, () => false, limit)];
  return found.flatMap(({ source, way, difference }) => {
    const where = printable(source);
    if (difference === undefined) return [wayLines(`The rules on its way in ${where}`, way, () => false, limit)];
    return [
      wayLines(`The rules on its way in ${where} (! should not be met)`, way, unlike(wanted.way), limit),
      wayLines('The rules that should be on its way (! are not met)', wanted.way, unlike(way), limit),
    ];
  });
}

/** Whether the packet meets a rule that it does not meet on the other way. */
export function unlike(other: readonly WayStep[]): (step: WayStep) => boolean {
  const known = new Set<string>();
  const note = (steps: readonly WayStep[]): void => {
    for (const step of steps) {
      known.add(ruleKey(step));
      note(step.steps);
    }
  };
  note(other);
  return (step) => !known.has(ruleKey(step));
}

function ruleKey({ where, rule }: WayStep): string {
  return `${where}\n${rule}`;
}

function wayLines(
  title: string,
  way: readonly WayStep[],
  isMarked: (step: WayStep) => boolean,
  limit: number,
): string[] {
  if (way.length === 0) return [`${title}: none`];
  return [`${title}:`, ...stepLines(way, undefined, '  ', isMarked, limit)];
}

function stepLines(
  steps: readonly WayStep[],
  within: string | undefined,
  indent: string,
  isMarked: (step: WayStep) => boolean,
  limit: number,
): string[] {
  const shown = steps.filter((step, i) => i < limit || isMarked(step));
  const hidden = steps.length - shown.length;
  let where = within;
  const lines = shown.flatMap((step) => {
    const head = step.where === where ? [] : [`${indent}${printable(step.where)}`];
    where = step.where;
    return [...head, ...ruleLines(step, indent, isMarked, limit)];
  });
  return hidden === 0 ? lines : [...lines, `${indent}  ${counted(hidden, 'more rule')}: --verbose has them`];
}

function ruleLines(step: WayStep, indent: string, isMarked: (step: WayStep) => boolean, limit: number): string[] {
  const { rule, share, skipped, steps, isRepeated } = step;
  const isAll = share.numerator === one.numerator && share.denominator === one.denominator;
  const notes = [...(isRepeated ? ['as above'] : []), ...(skipped === undefined ? [] : [`skipped: ${skipped}`])];
  const note = notes.length === 0 ? '' : ` (${notes.join(', ')})`;
  const part = isAll ? '' : `[${formatFraction(share)}] `;
  return [
    `${indent}${isMarked(step) ? '! ' : '  '}${part}${printable(rule, 2_000)}${note}`,
    ...stepLines(steps, step.where, `${indent}  `, isMarked, limit),
  ];
}
