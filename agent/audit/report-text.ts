import type { KnownDifference } from '../../backends/equivalence/known-difference.ts';
import { endpointText } from '../../compiler/ir/ir.ts';
import { formatPacket } from '../../compiler/semantics/packet-text.ts';
import { formatTrace, formatVerdict } from '../../compiler/semantics/verdict-text.ts';
import { counted } from '../../compiler/values/counted.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { protocolText } from '../../compiler/values/port.ts';
import { align } from '../explain/table.ts';
import { causeOf } from './cause.ts';
import type { AuditedFamily, Outcome } from './family.ts';
import { countsText, type Group, groupsOf, statusText } from './summary.ts';
import type { Finding } from './walk.ts';

export interface TextChoices {
  /** A row for each Service, and every finding. */
  readonly wide: boolean;
}

/** Limits without `verbose`: rows for Services with one cause, examples of one cause, and rules on one way. */
const mostRows = 3;
const mostExamples = 1;
const mostRules = 4;

/** What an audit found, for people. */
export function auditText(
  found: readonly AuditedFamily[],
  known: readonly KnownDifference[],
  choices: TextChoices,
): string {
  const outcomes = found.flatMap(({ now, after }) => (after === undefined ? [now] : [now, after.outcome]));
  const met = new Set(outcomes.flatMap(codesIn));
  const explained = known.filter(({ code }) => met.has(code)).map(({ code, text }) => [code, text]);
  return [
    ...found.flatMap((one) => familyLines(one, choices)),
    ...(explained.length === 0 ? [] : ['Known differences:', ...align(explained), '']),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function codesIn({ services, elsewhere }: Outcome): string[] {
  const findings = [...services.flatMap((one) => one.findings), ...elsewhere];
  return findings.flatMap(({ judgement }) => (judgement.kind === 'known' ? judgement.codes : []));
}

function familyLines(
  { family, mode, source, now, after, mayIntercept, notFollowed }: AuditedFamily,
  choices: TextChoices,
): string[] {
  return [
    `${family}, ${mode} mode, ${source}: ${countsText(now.services)} (${counted(now.tried, 'kind')} of packets followed)`,
    ...outcomeLines(now, choices),
    ...mayIntercept.map((rule) => `  another program's rule may intercept: ${printable(rule, 300)}`),
    ...notFollowed.map((rule) => `  another program's chain comes first and is not analysed: ${printable(rule, 300)}`),
    '',
    ...(after === undefined
      ? []
      : [
          `${family}, after a move to slicewright in ${after.mode} mode: ${countsText(after.outcome.services)}`,
          ...outcomeLines(after.outcome, choices),
          '',
        ]),
  ];
}

function outcomeLines({ services, elsewhere, sampled }: Outcome, choices: TextChoices): string[] {
  const groups = groupsOf(services);
  const rows = groups.flatMap((group) => rowsOf(group, choices));
  const nobodys = groupsOf(
    elsewhere.map((one) => ({ service: '(no Service)', status: one.judgement.kind, findings: [one] })),
  );
  const others = nobodys.map(({ status, causes, services: places }) => {
    const [first] = places.flatMap(({ findings }) => findings);
    const more = places.length > 1 ? ` and ${places.length - 1} more` : '';
    return [`${first === undefined ? '' : placeText(first)}${more}`, statusText[status], causes.join('; ')];
  });
  return [
    ...(rows.length + others.length === 0 ? [] : align([['SERVICE', 'STATUS', 'WHAT'], ...rows, ...others])),
    ...[...groups, ...nobodys].flatMap((group) => exampleLines(group, choices)),
    ...(sampled.length > 0
      ? [`  at ${counted(sampled.length, 'place')} not every kind of client was tried: there are more than a hundred`]
      : []),
  ];
}

function rowsOf({ status, causes, services }: Group, { wide }: TextChoices): string[][] {
  const what = causes.join('; ');
  if (wide || (status !== 'ok' && services.length <= mostRows)) {
    return services.map(({ service }) => [printable(service, 130), statusText[status], what]);
  }
  const names = services.slice(0, mostRows).map(({ service }) => printable(service, 60));
  const more = services.length > names.length ? ', …' : '';
  return [[`${counted(services.length, 'Service')} (${names.join(', ')}${more})`, statusText[status], what]];
}

/** What shows it: known differences are explained by their codes. */
function exampleLines({ status, services }: Group, { wide }: TextChoices): string[] {
  if (status === 'ok' || (status === 'known' && !wide)) return [];
  const all = services.flatMap(({ service, findings }) =>
    findings.filter(({ judgement }) => wide || judgement.kind === status).map((finding) => ({ service, finding })),
  );
  const shown = wide ? all : all.slice(0, mostExamples);
  const rest = all.length - shown.length;
  return [
    ...shown.flatMap(({ service, finding }) => findingLines(service, finding, wide)),
    ...(rest > 0 ? [`    and ${counted(rest, 'more place')} like it: -o wide or json has them`] : []),
  ];
}

function findingLines(service: string, finding: Finding, wide: boolean): string[] {
  const { judgement, count, example } = finding;
  const head = `  ${statusText[judgement.kind]}: ${printable(service, 130)} at ${placeText(finding)}, ${counted(count, 'kind')} of clients: ${causeOf(finding)}`;
  const rules = formatTrace(example.found).map((rule) => `      ${printable(rule, 300)}`);
  const verdicts = [
    ...lines('should be', formatVerdict(example.wanted.verdict)),
    ...lines('is       ', formatVerdict(example.found.verdict)),
    ...(judgement.kind === 'known' ? [] : wide ? rules : rules.slice(-mostRules)),
  ];
  return [
    head,
    `    ${formatPacket(example.packet)}`,
    ...(judgement.kind === 'unknown'
      ? judgement.rules.map((rule) => `    cannot be read, so its effect is unknown: ${printable(rule, 300)}`)
      : verdicts),
  ];
}

/** The most endpoints of a Service that are shown for one packet. */
const mostFates = 6;

function lines(what: string, fates: readonly string[]): string[] {
  const shown = fates.slice(0, mostFates).join(', ');
  const more = fates.length > mostFates ? ` and ${fates.length - mostFates} more` : '';
  return [`    ${what} ${shown}${more}`];
}

function placeText({ place }: Finding): string {
  return `${endpointText(place)}/${protocolText(place.protocol)}`;
}
