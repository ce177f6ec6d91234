import { ownChainsOf } from '../../backends/iptables/own-chains.ts';
import type { Run } from '../../backends/command.ts';
import {
  ApplyError,
  type ApplyReport,
  applyPlan,
  applyTarget,
  type Quarantined,
} from '../../backends/netfilter/apply.ts';
import { type Observation, observe } from '../../backends/netfilter/live.ts';
import type { ChainPrefix } from '../../compiler/settings.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { type DiagnosticFormat, diagnosticsText } from '../diagnostics.ts';
import type { Host } from '../inputs.ts';
import type { Io } from '../io.ts';
import { allowLocalNodePorts } from '../local-node-ports.ts';
import { paintOf } from '../paint.ts';
import { counted, makeReport, reportText } from '../plan-report/report.ts';
import { observeFamilies, oursUnder, planFromKernel, targetOf } from '../planning.ts';
import { withRemains } from '../planning-remains.ts';
import { isIpvsPlan, type SavedPlan, parseSavedPlan } from '../saved-plan.ts';
import { readObjects } from '../sources/files.ts';
import { compileWanted, type WantedOptions } from '../wanted.ts';
import { beforeChanges, reportingFailures } from './failures.ts';

export interface ApplyOptions extends WantedOptions {
  /** A saved plan, instead of manifests. */
  readonly plan?: string;
  readonly takeOver?: boolean;
  readonly diagnostics: DiagnosticFormat;
}

/**
 * `slicewright apply`: makes the kernel hold what the objects want, or performs a saved plan.
 *
 * returns  the exit status: 0 it does, as read back; 1 it does not, or not for every Service
 */
export function applyCommand(options: ApplyOptions, io: Io, run: Run, host: Host): Promise<number> {
  return reportingFailures(options.diagnostics, io, () =>
    options.plan === undefined ? applyObjects(options, io, run, host) : applySaved(options.plan, options, io, run),
  );
}

async function applyObjects(options: ApplyOptions, io: Io, run: Run, host: Host): Promise<number> {
  const wanted = await compileWanted(options, io, host);
  await io.err(diagnosticsText(wanted.diagnostics, options.diagnostics));
  if (wanted.backend === 'ipvs') {
    const { applyIpvs } = await import('./apply-ipvs.ts');
    return (await applyIpvs(wanted, options, io, run)) ? 0 : 1;
  }
  const { chainPrefix } = wanted.settings;
  const ours = oursUnder(chainPrefix);
  const own = ownChainsOf(chainPrefix);
  const failed = new Set<Family>();
  for (const observed of await beforeChanges(() => observeFamilies(run, wanted))) {
    const planned = await withRemains(run, planFromKernel(observed, wanted), wanted);
    await io.out(reportText(makeReport(planned, ours, wanted.clusterOf), paintOf(io), false));
    const target = targetOf(wanted, observed.family);
    const apply = () => applyTarget(run, observed, target, own, { takeOver: options.takeOver === true });
    if (!(await applyFamily(observed.family, apply, options, io))) failed.add(observed.family);
  }
  const isDone = (await leaveIpvs(failed, chainPrefix, options, io, run)) && failed.size === 0;
  const problem = await allowLocalNodePorts(run, wanted.compilation.node.IPv4, wanted.compilation.services.IPv4);
  if (problem !== undefined) await io.err(diagnosticsText([problem], options.diagnostics));
  return isDone ? 0 : 1;
}

/** All families are looked at before the first is changed: a plan for a state that is gone is refused whole. */
async function applySaved(path: string, options: ApplyOptions, io: Io, run: Run): Promise<number> {
  const [document] = await readObjects([path], io.readStdin);
  if (isIpvsPlan(document)) {
    const { applyIpvsPlan } = await import('./apply-ipvs-plan.ts');
    return (await applyIpvsPlan(document, path, options, io, run)) ? 0 : 1;
  }
  const { plans, prefix } = parseSavedPlan(document, path);
  const own = ownChainsOf(prefix);
  const starts: { readonly plan: SavedPlan; readonly observed: Observation }[] = [];
  for (const plan of plans) {
    starts.push({ plan, observed: await beforeChanges(() => observe(run, plan.family, own)) });
  }
  const outdated = starts.filter(({ plan, observed }) => plan.fingerprint !== observed.fingerprint);
  const failed = new Set<Family>();
  for (const { plan, observed } of outdated.length > 0 ? outdated : starts) {
    const apply = () => applyPlan(run, observed, plan, own, { takeOver: options.takeOver === true });
    if (!(await applyFamily(plan.family, apply, options, io))) failed.add(plan.family);
  }
  if (outdated.length > 0) return 1;
  return (await leaveIpvs(failed, prefix, options, io, run)) && failed.size === 0 ? 0 : 1;
}

/**
 * Takes IPVS mode out of every family whose rules are in force. Where some are not, virtual servers
 * may be all that a Service has.
 */
async function leaveIpvs(
  failed: ReadonlySet<Family>,
  prefix: ChainPrefix,
  options: ApplyOptions,
  io: Io,
  run: Run,
): Promise<boolean> {
  const { endIpvs } = await import('./end-ipvs.ts');
  let isDone = true;
  for (const family of families.filter((one) => !failed.has(one))) {
    isDone = (await endIpvs(family, { ...options, prefix, isEnd: false }, io, run)) !== 'failed' && isDone;
  }
  return isDone;
}

/** Applies one family and tells how that went. Families do not wait for each other: they share nothing. */
async function applyFamily(
  family: Family,
  apply: () => Promise<ApplyReport>,
  { diagnostics: format }: ApplyOptions,
  io: Io,
): Promise<boolean> {
  try {
    const report = await apply();
    const problems = problemsOf(report);
    await io.err(diagnosticsText(problems, format));
    if (report.documents > 0) await io.out(`${family}: ${doneText(report)}\n`);
    return report.quarantined.length === 0;
  } catch (error) {
    if (!(error instanceof ApplyError)) throw error;
    const object = { kind: 'kernel', name: family };
    const { reason, message } = error;
    await io.err(diagnosticsText([{ severity: 'error', code: `apply-${reason}`, object, message }], format));
    return false;
  }
}

function doneText({ documents, lines, quarantined, forgotten }: ApplyReport): string {
  const left = quarantined.length;
  const rest = left === 0 ? 'what is wanted' : `what is wanted, but for ${counted(left, 'Service port')}`;
  const flows = forgotten.found === 0 ? '' : `; ${counted(forgotten.found, 'kind')} of stale UDP connections forgotten`;
  return `applied in ${counted(documents, 'transaction')} of ${counted(lines, 'line')}; read back, the kernel holds ${rest}${flows}`;
}

function problemsOf({ quarantined, forgotten, observed }: ApplyReport): Diagnostic[] {
  const kernel = { kind: 'kernel', name: observed.family };
  const stale: Diagnostic[] =
    forgotten.problem === undefined
      ? []
      : [{ severity: 'warning', code: 'stale-connections', object: kernel, message: forgotten.problem }];
  return [...quarantined.map(describeQuarantined), ...stale];
}

function describeQuarantined({ service, rule, error }: Quarantined): Diagnostic {
  const [key = service, port] = service.split(':');
  const [namespace = '', name = ''] = key.split('/');
  const what =
    rule === undefined ? 'rules of it are refused by the kernel' : `the kernel refuses a rule of it:\n  ${rule}\n `;
  return {
    severity: 'error',
    code: 'service-refused',
    object: { kind: 'Service', namespace, name },
    ...(port === undefined ? {} : { field: `port ${port}` }),
    message: `${what}; its previous rules are still in force, all other Services are applied\n${error.message}`,
  };
}
