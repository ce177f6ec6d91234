import type { PlanChanges } from '../../backends/backend.ts';
import type { Danger } from '../../backends/planning/dangers.ts';
import type { Family } from '../../compiler/values/address.ts';
import { counted } from '../../compiler/values/counted.ts';
import type { IsNameSelected } from '../input/selection.ts';
import type { PlannedFamily } from './plan-kernel.ts';
import { type Paint, partsText } from './parts-text.ts';
import { clean, foldName } from './fold.ts';
import type { ClusterOf } from './fact-texts.ts';
import { describeChanges, type FrontendSentence } from './sentences.ts';

/** The report on one family's plan, for people and programs. */
export interface FamilyReport extends PlanChanges {
  readonly family: Family;
  readonly backend: string;
  /** What the plan starts from: `the kernel (nft)`, a file's name. */
  readonly source: string;
  readonly services: readonly FrontendSentence[];
  /** Only some Services are reported; the cost is still the whole plan's. */
  readonly isFiltered: boolean;
}

/** isAsked   undefined: everything is reported */
export function makeReport(
  { plan, remains }: PlannedFamily,
  clusterOf: ClusterOf,
  isAsked?: IsNameSelected,
): FamilyReport {
  const { family, backend, source } = plan;
  const changes = isAsked === undefined ? plan.changes() : filtered(plan.changes(), isAsked);
  return {
    ...{ family, backend, source },
    ...changes,
    services: describeChanges(changes.frontends, clusterOf),
    notes: [...changes.notes, ...remains.map((text) => `then ${text}`)],
    isFiltered: isAsked !== undefined,
  };
}

/** Leaves out parts that belong to no Service, but not their dangers: those concern everybody. */
function filtered(changes: PlanChanges, isAsked: IsNameSelected): PlanChanges {
  const isTold = ({ servicePort }: { readonly servicePort?: string | undefined }) =>
    servicePort !== undefined && isAsked(servicePort);
  return {
    ...changes,
    frontends: changes.frontends.filter(isTold),
    parts: changes.parts.filter(isTold),
    dangers: changes.dangers.filter((danger) => danger.servicePort === undefined || isTold(danger)),
  };
}

/** Whether there is any change to report. */
export function hasContent({ cost, isFiltered, services, parts }: FamilyReport): boolean {
  return cost.transactions > 0 && (!isFiltered || services.length + parts.length > 0);
}

/** How many lines of one family's rule differences are shown; the rest is counted. */
const maxDiffLines = 400;
/** How many dangers with the same code are shown; the rest is counted. */
const maxAlike = 10;

export interface ReportPaint extends Paint {
  readonly danger: (text: string) => string;
}

export interface ReportChoices {
  /** false: without the differences of rules. */
  readonly withRules: boolean;
  /** Whole sentences, what happens to each kind of client, and every danger. */
  readonly verbose?: boolean;
}

/**
 * The report for a terminal: what changes for traffic, the rules, the cost, and the dangers last, where they do not
 * scroll out of view.
 */
export function reportText(
  report: FamilyReport,
  paint: ReportPaint,
  { withRules, verbose = false }: ReportChoices,
): string {
  const { family, source, services, dangers, parts, cost, notes, isFiltered } = report;
  const warnings = (verbose ? dangers.map(({ message }) => message) : dangerLines(dangers))
    .map((line) => paint.danger(`  ! ${clean(line)}\n`))
    .join('');
  const rest = notes.map((note) => `  ${note}\n`).join('');
  if (!hasContent(report)) {
    const what = isFiltered ? 'nothing to do for the chosen Services' : 'nothing to do';
    return `${family}, against ${source}: ${what}\n${rest}${warnings}`;
  }
  const changed = new Set(services.filter(({ sign }) => sign !== '=').map(({ service }) => service));
  const chosen = isFiltered ? ' of the chosen' : '';
  const title = `${family}, against ${source}: ${counted(changed.size, 'Service')}${chosen} with changes for traffic`;
  const sentences = services.map((one) => (verbose ? wholeSentence(one) : `  ${one.line}\n`)).join('');
  const rules = withRules ? `\n${partsText(parts, paint, maxDiffLines)}\n` : '';
  const { transaction, part } = cost.words;
  const price = `  cost${isFiltered ? ' of the whole plan' : ''}: ${counted(cost.transactions, transaction)}, ${counted(cost.lines, 'line')}, ${counted(cost.parts, part)}\n`;
  return `${paint.heading(title)}\n${sentences}${rules}${price}${rest}${warnings}`;
}

function wholeSentence({ sign, service, text, details }: FrontendSentence): string {
  const clients = sign === '~' ? details.map((line) => `      ${clean(line)}\n`).join('') : '';
  return `  ${sign} ${clean(`${service}: ${text}`)}\n${clients}`;
}

/** One line each, and only as many of one code as fit on a screen; long names are cut. */
function dangerLines(dangers: readonly Danger[]): string[] {
  return [...Map.groupBy(dangers, ({ code }) => code)].flatMap(([code, alike]) => {
    const shown = alike.slice(0, maxAlike).map(dangerLine);
    return alike.length <= maxAlike
      ? shown
      : [...shown, `${alike.length - maxAlike} more ${code}: plan --verbose has them`];
  });
}

const longestDanger = 155;

function dangerLine({ message, servicePort }: Danger): string {
  if (servicePort === undefined || message.length <= longestDanger) return message;
  const folded = message.replace(servicePort, foldName(servicePort, 40));
  return folded.length <= longestDanger ? folded : `${folded.slice(0, longestDanger - 1)}…`;
}
