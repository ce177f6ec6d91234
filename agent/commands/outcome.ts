import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import type { Family } from '../../compiler/values/address.ts';
import { UsageError } from '../input/input-error.ts';
import type { PlanSummary } from '../planning/summary.ts';
import { type DocumentFormat, documentText } from '../terminal/document.ts';
import type { Io } from '../terminal/io.ts';

/** What a command that writes to a node did: collected while it runs, for programs. */
export interface Outcome {
  /** What the plan means; absent: there was no plan, or it came from a file. */
  summary?: PlanSummary;
  /** The saved plan's digest. */
  digest?: string;
  readonly families: FamilyOutcome[];
}

/** One step of one family: its own rules, or the removal of another backend's. */
export interface FamilyOutcome {
  readonly family: Family;
  /** Whether everything that this step was to do is done, as read back. */
  readonly isDone: boolean;
  /** Sentences for people; empty: there was nothing to do. */
  readonly done: readonly string[];
  readonly problems: readonly Diagnostic[];
}

export interface OutcomeOptions {
  /** Absent: for people. */
  readonly output?: 'text' | DocumentFormat;
  readonly yes?: boolean;
}

/**
 * Runs a command for people, or for programs: programs get one document at the end in place of all text on standard output.
 *
 * kind      the document's kind
 * returns   the body's exit status. If the body throws, nothing was changed, and there is no document
 * throws    UsageError if a person would have to be asked
 */
export async function withOutcome(
  kind: string,
  { output = 'text', yes }: OutcomeOptions,
  io: Io,
  body: (io: Io, outcome: Outcome) => Promise<number>,
): Promise<number> {
  const outcome: Outcome = { families: [] };
  if (output === 'text') return body(io, outcome);
  if (io.ask !== undefined && yes !== true) {
    throw new UsageError(`--output ${output}`, 'cannot ask for confirmation; give --yes too');
  }
  const { readStdin, err } = io;
  const status = await body({ readStdin, err, out: async () => {}, colour: false }, outcome);
  await io.out(await documentText(kind, { status, ...outcome }, output));
  return status;
}
