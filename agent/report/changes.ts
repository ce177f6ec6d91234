import { counted } from '../../compiler/values/counted.ts';
import type { Danger } from '../../backends/planning/dangers.ts';
import type { PartDiff } from '../../backends/planning/differences.ts';
import type { Sign } from '../planning/fact-texts.ts';
import { clean } from '../planning/fold.ts';
import type { PlanSummary } from '../planning/summary.ts';
import type { ComparedFamily, Comparison } from './comparison.ts';

/** The word for a sign, in a row. */
const signWords: Readonly<Record<Sign, string>> = {
  '+': 'added',
  '-': 'removed',
  '~': 'changed',
  '=': 'same traffic',
};

/** How many lines of one family's rule differences are shown; the rest is counted. */
const maxLines = 5000;

const kindWords: Readonly<Record<keyof PlanSummary, string>> = {
  add: signWords['+'],
  remove: signWords['-'],
  change: signWords['~'],
  rulesOnly: signWords['='],
};

/** A Service's change, in a word; empty: no change. */
export function changeWord(comparison: Comparison | undefined, service: string): string {
  const kind = comparison?.kinds.get(service);
  return kind === undefined ? '' : kindWords[kind];
}

/** The changes of one Service, as its details show them. */
export function changesOf(comparison: Comparison | undefined, service: string) {
  return (comparison?.families ?? []).flatMap(({ family, services }) =>
    services.filter((one) => one.service === service).map((one) => changeText(family, one)),
  );
}

function changeText(family: string, { service, sign, text, details }: ComparedFamily['services'][number]) {
  return {
    ...{ family, service, sign },
    word: signWords[sign],
    mark: signWords[sign].replaceAll(' ', '-'),
    text: clean(text),
    // A Service that is added or removed affects all clients alike, so details by kind of client would add nothing.
    details: sign === '~' ? details.map(clean) : [],
  };
}

/**
 * All changes, as the page's template takes them.
 *
 * isShown   whether the page has a row for a Service
 */
export function comparisonView({ families, summary, dangers }: Comparison, isShown: (service: string) => boolean) {
  return {
    summary,
    dangers: dangers.map(dangerView),
    families: families.map(({ family, source, services, parts, dangers: own, notes, cost }) => ({
      ...{ family, source, cost, notes },
      dangers: own.map(dangerView),
      changes: services.map((one) => ({ ...changeText(family, one), isShown: isShown(one.service) })),
      ...partsView(parts),
    })),
  };
}

function dangerView({ code, message }: Danger) {
  return { code, message: clean(message) };
}

function partsView(parts: readonly PartDiff[]) {
  let lines = 0;
  const shown = parts.filter((part) => (lines += part.lines.length) <= maxLines || lines === part.lines.length);
  return {
    parts: shown.map(({ table, chain, servicePort, change, removed, added, lines: own }) => ({
      title: change === 'hooks' ? `${table} hooks` : `${table} ${chain}`,
      owner: servicePort ?? '',
      count: [...(added > 0 ? [`+${added}`] : []), ...(removed > 0 ? [`−${removed}`] : [])].join(' '),
      change: change === 'hooks' ? 'changed' : change,
      lines: own.slice(0, maxLines).map((text) => ({ text: clean(text), mark: lineMarks[text[0] ?? ''] ?? 'same' })),
    })),
    moreParts: shown.length < parts.length ? `${counted(parts.length - shown.length, 'part')} more` : '',
  };
}

const lineMarks: Readonly<Record<string, string>> = { '+': 'added', '-': 'removed' };
