import type { IpvsReport } from '../../backends/ipvs/apply.ts';
import { IpvsError } from '../../backends/ipvs/errors.ts';
import { KernelError } from '../../backends/netfilter/errors.ts';
import type { Family } from '../../compiler/values/address.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { counted } from '../plan-report/report.ts';

/** What waits for its last connections; nothing if nothing does. */
export function drainText({ draining, drainingSeconds }: Pick<IpvsReport, 'draining' | 'drainingSeconds'>): string {
  if (draining === 0) return '';
  return (
    `; ${counted(draining, 'real server')} on the way out ${draining === 1 ? 'keeps its' : 'keep their'} connections, ` +
    `${drainingSeconds} s at most: the next apply removes what has ended by then`
  );
}

/**
 * A failure as a diagnostic, with what is in force; undefined: no failure of the kernel or its tools.
 *
 * verb   what was tried: `apply`, `cleanup`
 */
export function describeFailure(family: Family, error: unknown, verb: string): Diagnostic | undefined {
  if (!(error instanceof IpvsError || error instanceof KernelError)) return undefined;
  const { reason, message } = error;
  const inForce =
    'Part of the change may be in force: every packet has its old fate or its new one. Doing it again goes on from there.';
  return {
    severity: 'error',
    code: `${verb}-${reason}`,
    object: { kind: 'kernel', name: family },
    // A conflict is found before the first step, and says so.
    message: reason === 'conflict' ? message : `${message}\n${inForce}`,
  };
}
