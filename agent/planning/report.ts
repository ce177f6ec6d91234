import type { PlanChanges } from '../../backends/backend.ts';
import type { Danger } from '../../backends/planning/dangers.ts';
import type { Family } from '../../compiler/values/address.ts';
import { counted } from '../../compiler/values/counted.ts';
import type { PlannedFamily } from './plan-kernel.ts';
import { type Paint, partsText } from './parts-text.ts';
import { clean, foldName } from './fold.ts';
import type { ClusterOf } from './fact-texts.ts';
import { describeChanges, type FrontendSentence } from './sentences.ts';

/** Everything that people and programs are told of one family's plan. */
export interface FamilyReport extends PlanChanges {
  readonly family: Family;
  readonly backend: string;
  /** What the plan starts from: `the kernel (nft)`, a file's name. */
  readonly source: string;
  readonly services: readonly FrontendSentence[];
}

export function makeReport({ plan, remains }: PlannedFamily, clusterOf: ClusterOf): FamilyReport {
  const { family, backend, source } = plan;
  const changes = plan.changes();
  return {
    ...{ family, backend, source },
    ...changes,
    services: describeChanges(changes.frontends, clusterOf),
    notes: [...changes.notes, ...remains.map((text) => `then ${text}`)],
  };
}

/** Rules shown of one family's differences. Beyond that they are counted. */
const maxDiffLines = 400;
/** Dangers of one code that are shown; beyond that they are counted. */
const maxAlike = 10;

export interface ReportPaint extends Paint {
  readonly danger: (text: string) => string;
}

export interface ReportChoices {
  /** false: without the differences part by part. */
  readonly withRules: boolean;
  /** Whole sentences, what becomes of each kind of client, and every danger. */
  readonly verbose?: boolean;
}

/**
 * The report for a terminal: what changes for traffic, the rules, the cost, and last, where it is
 * not scrolled away, what is dangerous.
 */
export function reportText(
  report: FamilyReport,
  paint: ReportPaint,
  { withRules, verbose = false }: ReportChoices,
): string {
  const { family, source, services, dangers, parts, cost, notes } = report;
  const warnings = (verbose ? dangers.map(({ message }) => message) : dangerLines(dangers))
    .map((line) => paint.danger(`  ! ${clean(line)}\n`))
    .join('');
  const rest = notes.map((note) => `  ${note}\n`).join('');
  if (cost.transactions === 0) return `${family}, against ${source}: nothing to do\n${rest}${warnings}`;
  const changed = new Set(services.filter(({ sign }) => sign !== '=').map(({ service }) => service));
  const title = `${family}, against ${source}: ${counted(changed.size, 'Service')} with changes for traffic`;
  const sentences = services.map((one) => (verbose ? wholeSentence(one) : `  ${one.line}\n`)).join('');
  const rules = withRules ? `\n${partsText(parts, paint, maxDiffLines)}\n` : '';
  const { transaction, part } = cost.words;
  const price = `  cost: ${counted(cost.transactions, transaction)}, ${counted(cost.lines, 'line')}, ${counted(cost.parts, part)}\n`;
  return `${paint.heading(title)}\n${sentences}${rules}${price}${rest}${warnings}`;
}

function wholeSentence({ sign, service, text, details }: FrontendSentence): string {
  const clients = sign === '~' ? details.map((line) => `      ${clean(line)}\n`).join('') : '';
  return `  ${sign} ${clean(`${service}: ${text}`)}\n${clients}`;
}

/** A line each, of one code no more than a screen has room for; names are folded where they are long. */
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
