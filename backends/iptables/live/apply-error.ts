import type { Blame } from './blame.ts';
import type { KernelError, KernelErrorReason } from '../../netfilter/live/errors.ts';
import type { Observation } from '../../netfilter/live/observation.ts';

/**
 * Beside the reasons of a command:
 *
 * another-writer  the chains bear slicewright's names and not its mark
 * two-modes       rules of Services are in nft and in legacy tables
 * disturbed       another writer changes slicewright's chains while slicewright writes them
 * changed-since   the tables are not those that a saved plan starts from
 */
export type ApplyErrorReason = KernelErrorReason | 'another-writer' | 'two-modes' | 'disturbed' | 'changed-since';

/** Applying stopped. `inForce` is a sentence about the rules that packets meet now. */
export class ApplyError extends Error {
  readonly reason: ApplyErrorReason;
  readonly inForce: string;

  constructor(reason: ApplyErrorReason, what: string, inForce: string, cause?: unknown) {
    super(`${what}\n${inForce}`, { cause });
    this.name = 'ApplyError';
    this.reason = reason;
    this.inForce = inForce;
  }
}

/** What packets meet when an apply has stopped before its end. */
export function inForce(start: Observation, now: Observation): string {
  return start.fingerprint === now.fingerprint
    ? 'The previous rules are still in force.'
    : 'Part of the change is in force: every packet is treated by its previous or its new rules. Apply again to complete the change.';
}

/** `nat transaction 3 of 4 failed at line 417:`, the rule, the Service port, and what the tool said. */
export function describeFailure(error: KernelError, blame: Blame, number: number, total: number): string {
  const table = blame.table === undefined ? '' : `${blame.table} `;
  const line = blame.line === undefined ? '' : ` at line ${blame.line}`;
  const [service] = blame.suspects;
  return [
    `${table}transaction ${number} of ${total} failed${line}:`,
    ...(blame.rule === undefined ? [] : [`  ${blame.rule}`]),
    ...(blame.suspects.length === 1 ? [`written for Service port ${service}`] : []),
    error.message,
  ].join('\n');
}

/** A document left half a table behind, again and again. */
export function torn(error: KernelError): ApplyError {
  const what =
    `${error.message}\nThe tool failed and left a table partly changed, which the kernel never does: another program writes the ` +
    'same chains, or the tool is faulty';
  const now = 'An unplanned part of the change is in force. Apply again with a working tool to repair it.';
  return new ApplyError(error.reason, what, now, error);
}

export function disturbed(wrote: string, found: string): ApplyError {
  const what =
    "another program changes slicewright's chains at the same time, or the tool is faulty: " +
    `wrote ${wrote.slice(0, 12)}, but read back ${found.slice(0, 12)}`;
  return new ApplyError('disturbed', what, "A mixture of its rules and slicewright's is in force.");
}
