import { type Diagnostic, formatDiagnostic } from '../../compiler/values/diagnostic.ts';
import type { LiveBackend, PlaneOptions, Successor } from '../backend.ts';
import { BackendError } from '../errors.ts';
import type { Run } from '../command.ts';
import type { Scope } from '../target.ts';
import type { FamilyPlane } from './plane.ts';

/**
 * What other backends change on a node before one comes into force. A kernel that cannot be read is no reason to stay in the
 * former mode; the failure is reported when the other backends leave.
 */
export async function makeWay(others: readonly LiveBackend[], run: Run, scope: Scope): Promise<readonly Diagnostic[]> {
  const warnings: Diagnostic[] = [];
  for (const other of others) {
    try {
      warnings.push(...((await other.makeWay?.(run, scope)) ?? []));
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
    }
  }
  return warnings;
}

/**
 * A plane on a node that may have changed its backend: what the other backends left goes once this one serves every
 * Service. Connections end first, so every reading goes on with it.
 *
 * others   every other backend
 */
export function leavingOthers(
  plane: FamilyPlane,
  others: readonly LiveBackend[],
  { run, scope }: Pick<PlaneOptions, 'run' | 'scope'>,
  successor: Successor,
): FamilyPlane {
  return {
    ...plane,
    async sync(wanted, depth) {
      const warnings = depth === 'full' ? await makeWay(others, run, scope) : [];
      const done = await plane.sync(wanted, depth);
      if (done.depth === 'delta' || done.quarantined.length > 0) return done;
      const remarks = warnings.map(({ message }) => message);
      for (const other of others) remarks.push(...(await leave(other)));
      return remarks.length === 0 ? done : { ...done, remarks: [...done.remarks, ...remarks] };
    },
  };

  async function leave(other: LiveBackend): Promise<readonly string[]> {
    try {
      const remains = await other.remains(run, scope, successor);
      if (remains === undefined) return [];
      const { waits, problems } = await remains.leave();
      const said = problems.map((problem) =>
        problem.severity === 'error'
          ? `the previous mode's rules could not be removed: ${problem.message}`
          : formatDiagnostic(problem),
      );
      return waits === undefined ? said : [waits, ...said];
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      return [`the previous mode's rules could not be removed: ${error.message}`];
    }
  }
}
