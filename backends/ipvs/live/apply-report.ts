import { counted } from '../../../compiler/values/counted.ts';
import type { Family } from '../../../compiler/values/address.ts';
import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import type { ApplyReport } from '../../backend.ts';
import type { Run } from '../../command.ts';
import { kernelProblem } from '../../errors.ts';
import { exposedLoopback } from '../../netfilter/live/exposed-loopback.ts';
import { KernelError } from '../../netfilter/live/errors.ts';
import { missingTool } from '../../netfilter/live/missing-tool.ts';
import { refusedService, staleConnections } from '../../planning/problems.ts';
import { isUsed, type Target } from '../../target.ts';
import { applyProgram, type IpvsReport, type IpvsScope, refusalForOthers } from './apply.ts';
import { reportConflicts } from '../plan/conflicts.ts';
import { IpvsError } from './errors.ts';
import type { IpvsProgram } from '../program/program.ts';

/** Why {@link applyReport} would change nothing. */
export async function refusalReport(
  run: Run,
  scope: IpvsScope,
  observed: IpvsProgram,
  desired: IpvsProgram,
): Promise<Diagnostic | undefined> {
  const refusal = refusalForOthers(observed, desired, scope);
  if (refusal !== undefined) return describeFailure(scope.family, refusal, 'apply');
  const tools = observed.found?.tables?.tools;
  return tools && missingTool(run, tools);
}

/** Applies one family and reports the outcome. */
export async function applyReport(
  run: Run,
  scope: IpvsScope,
  start: IpvsProgram,
  desired: IpvsProgram,
  target: Target,
): Promise<ApplyReport> {
  const { family } = scope;
  const { services } = target;
  try {
    const report = await applyProgram(run, scope, { program: isUsed(target) ? desired : undefined, services });
    const exposed = await exposedBy(run, start, report.observed);
    const problems = [
      ...(exposed === undefined ? [] : [exposed]),
      ...report.quarantined.map(({ service, line, error }) => {
        const [, key = service, port] = /^([^/]+\/[^:/]+)(?::([^/]+))?/.exec(service) ?? [];
        const what = `the kernel rejects one of its lines:\n  ${line}\n `;
        const rest = 'its previous state is still in force, all other Services are applied';
        return refusedService(port === undefined ? key : `${key}:${port}`, `${what}; ${rest}\n${error.message}`);
      }),
      ...reportConflicts(report.observed, desired, services),
      ...staleConnections(family, report.forgotten),
    ];
    const isDone = problems.every(({ severity }) => severity !== 'error');
    return { isDone, problems, done: report.steps > 0 ? doneText(report) : undefined };
  } catch (error) {
    return { isDone: false, done: undefined, problems: [describeFailure(family, error, 'apply')] };
  }
}

/** The warning if iptables mode is gone, and the routing that it set up for node ports on 127.0.0.1 is still there. */
export async function exposedBy(run: Run, start: IpvsProgram, after: IpvsProgram): Promise<Diagnostic | undefined> {
  const [before, now] = [start.found?.tables, after.found?.tables];
  return before === undefined || now === undefined ? undefined : exposedLoopback(run, before, now);
}

function doneText(report: IpvsReport): string {
  const { steps, lines, quarantined, conflicts, forgotten } = report;
  const left = quarantined.length + conflicts.length;
  const rest =
    left === 0 ? 'the desired rules' : `the desired rules, except for ${counted(left, 'frontend or Service port')}`;
  const flows = forgotten.found === 0 ? '' : `; ${counted(forgotten.found, 'kind')} of stale UDP connections removed`;
  return `applied in ${counted(steps, 'script')} of ${counted(lines, 'line')}; read back, the kernel holds ${rest}${drainText(report)}${flows}`;
}

/** What waits for its last connections; nothing if nothing does. */
export function drainText({ draining, drainingSeconds }: Pick<IpvsReport, 'draining' | 'drainingSeconds'>): string {
  if (draining === 0) return '';
  return (
    `; ${counted(draining, 'real server')} draining ${draining === 1 ? 'keeps its' : 'keep their'} connections, ` +
    `${drainingSeconds} s at most: the next apply removes those without connections`
  );
}

/**
 * A failure as a diagnostic, with what is in force.
 *
 * verb     what was tried: `apply`, `cleanup`
 * throws   the error, if it is no failure of the kernel or its tools
 */
export function describeFailure(family: Family, error: unknown, verb: string): Diagnostic {
  if (!(error instanceof IpvsError || error instanceof KernelError)) throw error;
  const { reason, message } = error;
  const inForce =
    'Part of the change may be in force: every packet is treated by its previous or its new rules. Run the command again to complete the change.';
  // A conflict is found before the first step, and its message says that.
  return kernelProblem(family, `${verb}-${reason}`, reason === 'conflict' ? message : `${message}\n${inForce}`);
}
