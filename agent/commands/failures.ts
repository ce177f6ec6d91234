import { BackendError } from '../../backends/errors.ts';
import { type DiagnosticFormat, diagnosticsText } from '../terminal/diagnostics.ts';
import { InputError, UsageError } from '../input/input-error.ts';
import type { Io } from '../terminal/io.ts';
import { usageStatus } from '../terminal/usage-status.ts';

/**
 * Runs a command's body. Failures that stop it are printed like every other diagnostic.
 *
 * returns  the body's exit status; 1 for files that cannot be used and a kernel that does not answer, 2 for options that
 *          are not valid
 * throws   errors that are defects of slicewright
 */
export async function reportingFailures(
  format: DiagnosticFormat,
  io: Io,
  body: () => Promise<number>,
): Promise<number> {
  try {
    return await body();
  } catch (thrown) {
    const error = thrown instanceof UnchangedError ? thrown.cause : thrown;
    if (error instanceof InputError) {
      await io.err(diagnosticsText(error.diagnostics, format, error.placeOf));
    } else if (error instanceof BackendError) {
      const problem = error.diagnostic();
      const isSaid = /nothing was changed/i.test(problem.message);
      const inForce = thrown instanceof UnchangedError && !isSaid ? '\nNothing was changed.' : '';
      await io.err(diagnosticsText([{ ...problem, message: `${problem.message}${inForce}` }], format));
    } else {
      throw error;
    }
    return error instanceof UsageError ? usageStatus : 1;
  }
}

class UnchangedError extends Error {
  override readonly cause: BackendError;

  constructor(cause: BackendError) {
    super(cause.message);
    this.cause = cause;
  }
}

/** Reads what a change is based on. If that fails, the message says that nothing was changed. */
export async function beforeChanges<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw error instanceof BackendError ? new UnchangedError(error) : error;
  }
}
