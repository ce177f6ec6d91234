/* What rows of a bench give, and what can be said of it. */

/** MB are resident memory; lines are those of documents that tools load. */
export type Unit = 'ms' | 'CPU ms' | 'MB' | 'lines' | 'documents' | 'processes' | 'endpoints a CPU second' | 'ratio';

/** One quantity, measured at one size, once or several times. */
export interface Figure {
  /** `one endpoint changed` */
  readonly what: string;
  /** How the kernel was written to; undefined: it was not written to. */
  readonly mode: string | undefined;
  readonly unit: Unit;
  /** Position on the row's axis: the number of Services, or of clusters. */
  readonly at: number;
  /** In the order of measurement; empty: measuring was not possible, and `refused` says why. */
  readonly samples: readonly number[];
  readonly refused?: string;
  /** The same quantity for bare tools in the same run. */
  readonly floor?: { readonly what: string; readonly samples: readonly number[] };
  /** The target, for people. */
  readonly wanted?: string;
}

/** The figures of one quantity over all sizes. */
export interface Series extends Pick<Figure, 'what' | 'mode' | 'unit'> {
  readonly wanted: string | undefined;
  /** By size. */
  readonly figures: readonly Figure[];
}

/** In the order in which each series first appeared. */
export function seriesOf(figures: readonly Figure[]): Series[] {
  const groups = Map.groupBy(figures, ({ what, mode, unit }) => JSON.stringify([what, mode, unit]));
  return [...groups.values()].map((group) => {
    const { what, mode, unit } = group[0]!;
    const wanted = group.find((figure) => figure.wanted !== undefined)?.wanted;
    return { what, mode, unit, wanted, figures: group.toSorted((a, b) => a.at - b.at) };
  });
}

/** The middle value, or the mean of the two in the middle; NaN for an empty list. */
export function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2;
}

/** The value that this share of all values does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** Median divided by the median of the floor; undefined where there is no floor, or the floor is close to 0. */
export function ratioOf({ samples, floor }: Pick<Figure, 'samples' | 'floor'>): number | undefined {
  const base = middle(floor?.samples ?? []);
  const least = 0.1;
  return samples.length > 0 && base >= least ? middle(samples) / base : undefined;
}

/**
 * How a cost grows with the size: the slope of a straight line through medians on logarithmic scales. 0: the cost does
 * not grow; 1: it grows as the size does. undefined where there are fewer than two sizes, or a cost is 0.
 */
export function slopeOf(figures: readonly Pick<Figure, 'at' | 'samples'>[]): number | undefined {
  const logs = figures.flatMap(({ at, samples }) =>
    samples.length === 0 ? [] : [[Math.log(at), Math.log(middle(samples))]],
  );
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(logs.map(([size = NaN]) => size)), mean(logs.map(([, cost = NaN]) => cost))];
  const spread = logs.reduce((sum, [size = NaN]) => sum + (size - x) ** 2, 0);
  const slope = logs.reduce((sum, [size = NaN, cost = NaN]) => sum + (size - x) * (cost - y), 0) / spread;
  return Number.isFinite(slope) ? slope : undefined;
}
