import type { Family } from '../../compiler/values/address.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import type { Target } from '../target.ts';
import type { QuarantinedService } from './delays.ts';

/**
 * `delta`  from what was applied last, without reading the kernel: reading costs seconds on a large node
 * `full`   from a reading, and until a reading shows what is wanted
 */
export type Depth = 'full' | 'delta';

/** One of slicewright's chains, sets or servers that another program changed. */
export interface DriftedPart {
  /** `nat KUBE-SERVICES` */
  readonly where: string;
  /** Exact rules. */
  readonly lost: readonly string[];
  readonly added: readonly string[];
  /** Another program's rules, reported because packets meet them first; slicewright does not repair them. */
  readonly stays?: true;
}

/** What one sync of one family did. */
export interface FamilySync {
  readonly depth: Depth;
  /** Transactions, and lines in them. */
  readonly documents: number;
  readonly lines: number;
  /** Rules per table that are in force; hooks and chains without rules do not count. */
  readonly rules: ReadonlyMap<string, number>;
  /** Rules per table that this sync wrote; undefined: the backend's rules are no measure of its work. */
  readonly written: ReadonlyMap<string, number> | undefined;
  /** The kernel did not take a delta, so this became a full sync. */
  readonly deltaRefused: boolean;
  readonly drift: readonly DriftedPart[];
  /** All that are held back now; `released`: those that were until this sync. */
  readonly quarantined: readonly QuarantinedService[];
  readonly released: readonly string[];
  /** Remarks for people: connections that could not be forgotten, another writer. */
  readonly remarks: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
  /** When something waits for the clock (draining, quarantine), how soon it is worth another sync. */
  readonly againInMs: number | undefined;
}

/** A sync that wrote nothing and has nothing to report. */
export function emptySync(depth: Depth): FamilySync {
  return {
    depth,
    documents: 0,
    lines: 0,
    rules: new Map(),
    written: undefined,
    deltaRefused: false,
    drift: [],
    quarantined: [],
    released: [],
    remarks: [],
    diagnostics: [],
    againInMs: undefined,
  };
}

/**
 * One family's kernel, whatever the backend: hides its types, and remembers what was applied.
 *
 * One call at a time.
 */
export interface FamilyPlane {
  readonly family: Family;
  /**
   * Begins the reading of the first full sync, which goes on while the caller does other work. To be called when this process is
   * the only writer; absent: the plane reads when it syncs.
   */
  beginReading?(): void;
  /**
   * Makes the kernel do what is wanted. A delta that fails is followed by a full sync at once.
   *
   * throws   an Error whose message tells what is in force; the next sync should be full
   */
  sync(wanted: Target, depth: Depth): Promise<FamilySync>;
  /** A look that costs next to nothing. Returns which checked rules of slicewright's are missing; undefined: none. */
  glance(): Promise<string | undefined>;
}
