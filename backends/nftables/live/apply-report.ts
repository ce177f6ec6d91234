import type { Family } from '../../../compiler/values/address.ts';
import { counted } from '../../../compiler/values/counted.ts';
import type { ApplyReport } from '../../backend.ts';
import { kernelProblem } from '../../errors.ts';
import { refusedService, staleConnections } from '../../planning/problems.ts';
import type { ApplyOutcome } from './apply.ts';
import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import { NftError } from './errors.ts';
import type { Observation } from './observe.ts';
import { refusalForOthers } from './steps.ts';

/** Why an apply without a take-over would change nothing. */
export function refusalReport(observed: Observation): Diagnostic | undefined {
  const refusal = refusalForOthers(observed);
  return (
    refusal && kernelProblem(observed.family, `apply-${refusal.reason}`, `${refusal.message}\nNothing was changed.`)
  );
}

/** verb   what was tried, in the codes of problems: `apply`, `cleanup` */
export async function reportOf(
  family: Family,
  verb: string,
  apply: () => Promise<Omit<ApplyOutcome, 'observed'>>,
): Promise<ApplyReport> {
  try {
    const { documents, lines, quarantined, forgotten } = await apply();
    const left = quarantined.length;
    const rest = left === 0 ? 'the desired rules' : `the desired rules, except for ${counted(left, 'Service port')}`;
    const flows = forgotten.found === 0 ? '' : `; ${counted(forgotten.found, 'kind')} of stale UDP connections removed`;
    const done = `applied in ${counted(documents, 'transaction')} of ${counted(lines, 'line')}; read back, the kernel holds ${rest}${flows}`;
    return {
      isDone: left === 0,
      done: documents > 0 ? done : undefined,
      problems: [
        ...quarantined.map(({ service, rule, message }) =>
          refusedService(
            service,
            `${rule === undefined ? 'the kernel rejects its rules' : `the kernel rejects one of its lines:\n  ${rule}\n `}; its previous rules are still in force, all other Services are applied\n${message}`,
          ),
        ),
        ...staleConnections(family, forgotten),
      ],
    };
  } catch (error) {
    if (!(error instanceof NftError)) throw error;
    return {
      isDone: false,
      done: undefined,
      problems: [kernelProblem(family, `${verb}-${error.reason}`, error.message)],
    };
  }
}
