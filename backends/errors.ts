import type { Diagnostic } from '../compiler/values/diagnostic.ts';
import type { Family } from '../compiler/values/address.ts';

/**
 * A kernel or its tools refused or failed. Each backend has its own kinds, which give the reason; above
 * `backends/` only the message for people counts.
 */
export abstract class BackendError extends Error {
  abstract readonly reason: string;
  /** Where a command ends with it. */
  abstract diagnostic(): Diagnostic;

  /** This machine has no such tool, or its kernel no such tables: nothing of slicewright's is there. */
  get isAbsence(): boolean {
    return this.reason === 'missing-tool' || this.reason === 'unsupported';
  }
}

/** A problem with one family's kernel. */
export function kernelProblem(family: Family, code: string, message: string): Diagnostic {
  return { severity: 'error', code, object: { kind: 'kernel', name: family }, message };
}
