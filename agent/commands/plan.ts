import { writeFileSync } from 'node:fs';
import type { Run } from '../../backends/command.ts';
import { type DiagnosticFormat, diagnosticsText } from '../diagnostics.ts';
import { fileProblem, InputError } from '../input-error.ts';
import type { Host } from '../inputs.ts';
import type { Io } from '../io.ts';
import { paintOf } from '../paint.ts';
import { netfilterStepJson, reportJson } from '../plan-report/json.ts';
import { type FamilyReport, makeReport, type ReportPaint, reportText } from '../plan-report/report.ts';
import { observeFamilies, oursUnder, type PlannedFamily, planFromDump, planFromKernel } from '../planning.ts';
import { proxyIdentity } from '../proxy-identity.ts';
import { readDumps } from '../sources/dump.ts';
import { withRemains } from '../planning-remains.ts';
import { compileWanted, type Wanted, type WantedIpvs, type WantedOptions } from '../wanted.ts';
import { reportingFailures } from './failures.ts';

export interface PlanOptions extends WantedOptions {
  /** Files and folders of dumps; empty: the kernel. */
  readonly against: readonly string[];
  readonly format: 'text' | 'json';
  /** File for `apply --plan`. */
  readonly out?: string;
  readonly diagnostics: DiagnosticFormat;
}

/**
 * `slicewright plan`: what would change, from what is in force to what the objects want.
 *
 * returns  the exit status: 0 nothing to do, 2 changes, 1 the plan could not be made
 */
export function planCommand(options: PlanOptions, io: Io, run: Run, host: Host): Promise<number> {
  return reportingFailures(options.diagnostics, io, async () => {
    const { families, saved } = await makePlans(options, io, run, host);
    const hasChanges = families.some((one) => one.hasChanges);
    await io.out(planText(families, hasChanges, options.format, paintOf(io)));
    if (options.out !== undefined) savePlan(options.out, await saved());
    return hasChanges ? 2 : 0;
  });
}

/** One family's plan, whatever the backend. */
interface Planned {
  readonly report: FamilyReport;
  /** The report for programs. */
  readonly json: object;
  readonly hasChanges: boolean;
}

interface Plans {
  readonly families: readonly Planned[];
  /** For `apply --plan`. */
  readonly saved: () => Promise<object>;
}

async function makePlans(options: PlanOptions, io: Io, run: Run, host: Host): Promise<Plans> {
  const { chainPrefix } = proxyIdentity(options);
  const ours = oursUnder(chainPrefix);
  const isHere = options.against.length === 0;
  const wanted = await compileWanted(options, io, isHere ? host : undefined);
  await io.err(diagnosticsText(wanted.diagnostics, options.diagnostics));
  if (wanted.backend === 'ipvs') {
    return planServers(run, wanted, options.against);
  }
  const planned = isHere
    ? await planKernel(run, wanted)
    : options.against
        .flatMap((path) => readDumps(path, ours.isOurs))
        .map((dump) => planFromDump(dump, wanted, options.out !== undefined));
  return {
    families: planned.map((one) => {
      const report = makeReport(one, ours, wanted.clusterOf);
      const json = reportJson(report, one.plan.steps.map(netfilterStepJson), wanted.clusterOf);
      return { report, json, hasChanges: one.plan.steps.length > 0 || report.notes.length > 0 };
    }),
    saved: async () => {
      const { savedPlanJson } = await import('../saved-plan.ts');
      return savedPlanJson(
        planned.map(({ plan }) => plan),
        chainPrefix,
      );
    },
  };
}

async function planKernel(run: Run, wanted: Wanted): Promise<PlannedFamily[]> {
  const planned: PlannedFamily[] = [];
  for (const observed of await observeFamilies(run, wanted)) {
    planned.push(await withRemains(run, planFromKernel(observed, wanted), wanted));
  }
  return planned;
}

async function planServers(run: Run, wanted: WantedIpvs, against: readonly string[]): Promise<Plans> {
  const { observeIpvsFamilies, planIpvs } = await import('../planning-ipvs.ts');
  const { ipvsStepJson, makeIpvsReport } = await import('../plan-report/ipvs.ts');
  const { readIpvsDumps } = await import('../sources/ipvs-dump.ts');
  const dumps = against.flatMap((path) => readIpvsDumps(path, wanted.settings.chainPrefix));
  const planned =
    against.length === 0
      ? (await observeIpvsFamilies(run, wanted)).map((observed) => planIpvs(observed, wanted))
      : dumps.map(({ path, program }) => planIpvs(program, wanted, path));
  return {
    families: planned.map((one) => {
      const report = makeIpvsReport(one, wanted.clusterOf);
      const json = reportJson(report, one.steps.map(ipvsStepJson), wanted.clusterOf);
      return { report, json, hasChanges: one.steps.length > 0 };
    }),
    saved: async () => {
      const { savedIpvsPlanJson } = await import('../saved-ipvs-plan.ts');
      return savedIpvsPlanJson(planned, wanted.settings.chainPrefix);
    },
  };
}

function planText(planned: readonly Planned[], changes: boolean, format: 'text' | 'json', paint: ReportPaint): string {
  if (format === 'text') return planned.map(({ report }) => reportText(report, paint, true)).join('\n');
  return `${JSON.stringify({ changes, families: planned.map(({ json }) => json) }, null, 2)}\n`;
}

function savePlan(path: string, plan: object): void {
  try {
    writeFileSync(path, `${JSON.stringify(plan, null, 2)}\n`);
  } catch (error) {
    const message = `cannot be written: ${error instanceof Error ? error.message : String(error)}`;
    throw new InputError([fileProblem(path, 'output-unwritable', message)]);
  }
}
