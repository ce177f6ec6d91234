import type { Isolation } from '../../../test/netns/probe.ts';
import type { Figure } from '../figures.ts';
import type { Options } from '../options.ts';

/** A group of measurements in a bench: chosen by one name, shown in one table, drawn in one plot for each unit. */
export interface Row {
  /** The name by which ROWS selects it. */
  readonly name: string;
  /** For people: what is measured. */
  readonly about: string;
  readonly axis: Axis;
  /** Used where SIZES, or CLUSTERS, is not set. */
  readonly sizes: readonly number[];
  /** Runs only where ROWS names it. */
  readonly isSlow?: true;
  /** Figures as they are taken, for one place on the axis. */
  readonly measure: (at: number, options: Chosen) => AsyncIterable<Figure>;
}

/** What is counted along the axis; `nothing`: the row is measured at one size. */
export type Axis = 'Services' | 'clusters' | 'nothing';

export interface Chosen extends Options {
  /** How namespaces are made. */
  readonly isolation: Isolation;
}

export const endpointsEach = 5;
