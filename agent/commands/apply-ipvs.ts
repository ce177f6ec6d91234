import type { Run } from '../../backends/command.ts';
import { applyProgram, type IpvsReport } from '../../backends/ipvs/apply.ts';
import { reportConflicts } from '../../backends/ipvs/conflicts.ts';
import { checkHost, prepareHost } from '../../backends/ipvs/host.ts';
import type { Family } from '../../compiler/values/address.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { diagnosticsText } from '../diagnostics.ts';
import type { Io } from '../io.ts';
import { paintOf } from '../paint.ts';
import { makeIpvsReport } from '../plan-report/ipvs.ts';
import { counted, reportText } from '../plan-report/report.ts';
import { observeIpvsFamilies, type PlannedIpvs, planIpvs } from '../planning-ipvs.ts';
import { isUsed, type WantedIpvs } from '../wanted.ts';
import type { ApplyOptions } from './apply.ts';
import { describeFailure, drainText } from './ipvs-texts.ts';

/**
 * `slicewright apply` in IPVS mode.
 *
 * That the machine can do it, with the scheduler that is asked for, is found out before anything is
 * changed. Rules of iptables mode are replaced in the same plan.
 *
 * returns  whether the kernel holds what is wanted, as read back
 */
export async function applyIpvs(wanted: WantedIpvs, options: ApplyOptions, io: Io, run: Run): Promise<boolean> {
  await checkHost(run, wanted.settings.ipvs);
  const observations = await observeIpvsFamilies(run, wanted);
  const problems = (await prepareHost(run, wanted.settings.ipvs)).map((message) => ({
    severity: 'warning' as const,
    code: 'ipvs-setting',
    object: { kind: 'machine', name: 'IPVS' },
    message,
  }));
  await io.err(diagnosticsText(problems, options.diagnostics));
  let isDone = true;
  for (const observed of observations) {
    const planned = planIpvs(observed, wanted);
    await io.out(reportText(makeIpvsReport(planned, wanted.clusterOf), paintOf(io), false));
    isDone = (await applyFamily(planned, wanted, options, io, run)) && isDone;
  }
  return isDone;
}

async function applyFamily(
  { family, desired, services }: PlannedIpvs,
  wanted: WantedIpvs,
  options: ApplyOptions,
  io: Io,
  run: Run,
): Promise<boolean> {
  const target = { program: isUsed(wanted, family) ? desired : undefined, services };
  const { chainPrefix: prefix, ipvs } = wanted.settings;
  const scope = { prefix, excludeCidrs: ipvs.excludeCidrs, takeOver: options.takeOver === true };
  try {
    const report = await applyProgram(run, family, target, scope);
    const problems = [
      ...report.quarantined.map(describeQuarantined),
      ...reportConflicts(report.observed, desired, services),
      ...staleFlows(family, report),
    ];
    await io.err(diagnosticsText(problems, options.diagnostics));
    if (report.steps > 0) await io.out(`${family}: ${doneText(report)}\n`);
    return problems.every(({ severity }) => severity !== 'error');
  } catch (error) {
    const problem = describeFailure(family, error, 'apply');
    if (problem === undefined) throw error;
    await io.err(diagnosticsText([problem], options.diagnostics));
    return false;
  }
}

function doneText(report: IpvsReport): string {
  const { steps, lines, quarantined, conflicts, forgotten } = report;
  const left = quarantined.length + conflicts.length;
  const rest = left === 0 ? 'what is wanted' : `what is wanted, but for ${counted(left, 'frontend or Service port')}`;
  const flows = forgotten.found === 0 ? '' : `; ${counted(forgotten.found, 'kind')} of stale UDP connections forgotten`;
  return `applied in ${counted(steps, 'script')} of ${counted(lines, 'line')}; read back, the kernel holds ${rest}${drainText(report)}${flows}`;
}

function describeQuarantined({ service, line, error }: IpvsReport['quarantined'][number]): Diagnostic {
  const [, namespace = '', name = '', port] = /^([^/]+)\/([^:/]+)(?::([^/]+))?/.exec(service) ?? [];
  return {
    severity: 'error',
    code: 'service-refused',
    object: { kind: 'Service', namespace, name },
    ...(port === undefined ? {} : { field: `port ${port}` }),
    message: `the kernel refuses a line of it:\n  ${line}\n ; what it had before is still in force, all other Services are applied\n${error.message}`,
  };
}

function staleFlows(family: Family, { forgotten: { problem } }: IpvsReport): Diagnostic[] {
  if (problem === undefined) return [];
  return [
    { severity: 'warning', code: 'stale-connections', object: { kind: 'kernel', name: family }, message: problem },
  ];
}
