import { printable } from '../../compiler/values/object-ref.ts';
import { compareText } from '../../compiler/values/names.ts';
import { formatPercent } from '../../compiler/values/rational.ts';
import type { Measures, ServiceRow, Share } from './book.ts';

export const levels = ['service', 'cluster', 'endpoint'] as const;
/** The level of detail of rows. */
export type Level = (typeof levels)[number];
export const sortings = ['rate', 'total', 'packets', 'name'] as const;
/** The order of rows. */
export type Sorting = (typeof sortings)[number];

export interface TableChoices {
  readonly by: Level;
  readonly sort: Sorting;
}

interface Row extends Measures {
  /** Service port, cluster, endpoint, down to the level of detail. */
  readonly names: readonly string[];
  readonly share: Share | undefined;
  readonly countedAnew: boolean;
}

export interface TableLine {
  readonly text: string;
  readonly isMarked: boolean;
}

/** Rows as lines of columns, titles first. A column without any value is left out. */
export function trafficTable(services: readonly ServiceRow[], { by, sort }: TableChoices): readonly TableLine[] {
  const rows = services.flatMap((service) => rowsOf(service, by)).sort(orders[sort]);
  const titles = [
    ...['SERVICE', 'CLUSTER', 'ENDPOINT'].slice(0, levels.indexOf(by) + 1),
    ...columns.map(({ title }) => title),
  ];
  const cells = rows.map((row) => [...row.names, ...columns.map(({ text }) => text(row))]);
  const isUsed = titles.map((_, at) => at < levels.indexOf(by) + 1 || cells.some((line) => line[at] !== ''));
  const isNumber = (at: number) => at > levels.indexOf(by) && at < titles.length - 1;
  const widths = titles.map((title, at) =>
    cells.reduce((most, line) => Math.max(most, line[at]?.length ?? 0), title.length),
  );
  const lineOf = (line: readonly string[]): string =>
    line
      .flatMap((cell, at) => {
        const width = widths[at] ?? 0;
        return isUsed[at] === true ? [isNumber(at) ? cell.padStart(width) : cell.padEnd(width)] : [];
      })
      .join('  ')
      .trimEnd();
  return [
    { text: lineOf(titles), isMarked: false },
    ...cells.map((line, i) => ({ text: lineOf(line), isMarked: rows[i]?.share?.deviates === true })),
  ];
}

function rowsOf({ id, clusters, countedAnew, ...measures }: ServiceRow, by: Level): Row[] {
  const name = printable(id);
  if (by === 'service') return [{ ...measures, names: [name], share: worstOf(clusters), countedAnew }];
  return clusters.flatMap(({ cluster, share, endpoints, ...sums }): Row[] => {
    const names = [name, printable(cluster ?? '-')];
    if (by === 'cluster') return [{ ...sums, names, share, countedAnew }];
    return endpoints.map(({ endpoint, ...one }) => ({ ...one, names: [...names, printable(endpoint)], countedAnew }));
  });
}

/** A whole Service port has no share, but one of its endpoints may deviate from its own. */
function worstOf(clusters: ServiceRow['clusters']): Share | undefined {
  const shares = clusters.flatMap(({ share, endpoints }) => [share, ...endpoints.map((one) => one.share)]);
  return shares.some(({ deviates }) => deviates)
    ? { measured: undefined, asked: [], byPool: [], deviates: true }
    : undefined;
}

const columns: readonly { readonly title: string; readonly text: (row: Row) => string }[] = [
  { title: 'CONN/S', text: ({ perSecond }) => rateText(perSecond?.connections) },
  { title: 'CONNECTIONS', text: ({ connections }) => String(connections) },
  { title: 'PACKETS/S', text: ({ perSecond }) => rateText(perSecond?.volume?.packets) },
  { title: 'PACKETS', text: ({ volume }) => (volume === undefined ? '' : String(volume.packets)) },
  { title: 'BYTES', text: ({ volume }) => (volume === undefined ? '' : String(volume.bytes)) },
  {
    title: 'SHARE',
    text: ({ share }) => (share === undefined ? '' : measuredText(share)),
  },
  { title: 'ASKED', text: ({ share }) => share?.asked.map(formatPercent).join(' | ') ?? '' },
  {
    title: 'NOTE',
    text: ({ share, countedAnew }) =>
      [share?.deviates === true ? '! share differs' : '', countedAnew ? 'counted anew' : ''].filter(Boolean).join(', '),
  },
];

/** The measured shares: one for each pool in use, if counters distinguish them. */
function measuredText({ measured, byPool }: Share): string {
  const percent = (part: number | undefined) => (part === undefined ? '-' : `${(part * 100).toFixed(1)} %`);
  if (byPool.length > 0 && measured !== undefined) return byPool.map((one) => percent(one.measured)).join(' | ');
  return measured === undefined ? '' : percent(measured);
}

function rateText(rate: number | undefined): string {
  return rate === undefined ? '' : rate.toFixed(1);
}

type Order = (a: Row, b: Row) => number;
const byName: Order = (a, b) =>
  compareText(a.names[0] ?? '', b.names[0] ?? '') ||
  compareText(a.names[1] ?? '', b.names[1] ?? '') ||
  compareText(a.names[2] ?? '', b.names[2] ?? '');
const byTotal: Order = (a, b) => b.connections - a.connections || byName(a, b);
const orders: Readonly<Record<Sorting, Order>> = {
  rate: (a, b) => (b.perSecond?.connections ?? 0) - (a.perSecond?.connections ?? 0) || byTotal(a, b),
  total: byTotal,
  packets: (a, b) => (b.volume?.packets ?? 0) - (a.volume?.packets ?? 0) || byTotal(a, b),
  name: byName,
};
