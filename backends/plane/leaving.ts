import { formatDiagnostic } from '../../compiler/values/diagnostic.ts';
import type { LiveBackend, PlaneOptions, Successor } from '../backend.ts';
import { BackendError } from '../errors.ts';
import type { FamilyPlane } from './plane.ts';

/**
 * A plane on a node that may have changed its backend: what the others left goes once every Service is served by this
 * one. Connections end first, so every reading goes on with it.
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
      const done = await plane.sync(wanted, depth);
      if (done.depth === 'delta' || done.quarantined.length > 0) return done;
      const remarks: string[] = [];
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
          ? `what another mode left could not be removed: ${problem.message}`
          : formatDiagnostic(problem),
      );
      return waits === undefined ? said : [waits, ...said];
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      return [`what another mode left could not be removed: ${error.message}`];
    }
  }
}
