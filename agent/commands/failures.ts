import { IpvsError } from '../../backends/ipvs/errors.ts';
import { KernelError } from '../../backends/netfilter/errors.ts';
import { type DiagnosticFormat, diagnosticsText } from '../diagnostics.ts';
import { InputError } from '../input-error.ts';
import type { Io } from '../io.ts';

/**
 * Runs a command's body; what it cannot go on after is told like every other diagnostic.
 *
 * returns  the body's exit status; 1 for files that cannot be used and a kernel that does not answer
 * throws   what is a defect of ours
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
    const inForce = thrown instanceof UnchangedError ? '\nNothing was changed.' : '';
    if (error instanceof InputError) {
      await io.err(diagnosticsText(error.diagnostics, format));
    } else if (error instanceof KernelError) {
      const object = { kind: 'command', name: error.command };
      const { reason } = error;
      const message = `${error.message.replace(`${error.command}: `, '')}${inForce}`;
      await io.err(diagnosticsText([{ severity: 'error', code: `kernel-${reason}`, object, message }], format));
    } else if (error instanceof IpvsError) {
      const object = { kind: 'machine', name: 'IPVS' };
      const { reason, message } = error;
      await io.err(diagnosticsText([{ severity: 'error', code: `ipvs-${reason}`, object, message }], format));
    } else {
      throw error;
    }
    return 1;
  }
}

class UnchangedError extends Error {
  override readonly cause: KernelError;

  constructor(cause: KernelError) {
    super(cause.message);
    this.cause = cause;
  }
}

/** Reads what changes start from. When that fails, the message says that none was made. */
export async function beforeChanges<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw error instanceof KernelError ? new UnchangedError(error) : error;
  }
}
