import type { Settings } from '../../../compiler/settings.ts';
import type { Kernel, LiveBackend } from '../../backend.ts';
import type { Run } from '../../command.ts';
import { ensureSysctls } from '../../host/sysctl.ts';
import { type Preparation, sysctlPreparation } from '../../host/preparation.ts';
import type { ProgramOf } from '../../made.ts';
import { tableDangers } from '../../netfilter/diff/dangers.ts';
import { isToGo, observePossible } from '../../netfilter/live/observation.ts';
import { ownChainsOf, type TableWriter } from '../../netfilter/own-chains.ts';
import type { Scope, Target } from '../../target.ts';
import type { IpvsScope } from './apply.ts';
import { IpvsError } from './errors.ts';
import { checkHost, prepareHost, reuseSysctls } from './host.ts';
import { ipvsSysctls } from '../program/link.ts';
import { observeProgram, recordProgram } from './observe.ts';
import { emptyProgram, type IpvsProgram, type IpvsUnit } from '../program/program.ts';
import { applyReport, refusalReport } from './apply-report.ts';
import { readDump } from './dump.ts';
import { type OtherWriter, plannerOf } from './plan.ts';
import { handOverServers } from './hand-over.ts';
import { createIpvsPlane } from './plane.ts';
import { openMeter } from './traffic.ts';
import { cleanServers, makeWay, observeRemains, remainsOf } from './remains.ts';

/**
 * IPVS mode before a kernel.
 *
 * writers   every backend that writes tables, this one among them
 */
export async function createLive(
  writers: readonly TableWriter[],
  programOf: ProgramOf<IpvsUnit, IpvsProgram>,
): Promise<LiveBackend> {
  const others = await Promise.all(
    writers
      .filter(({ backend }) => backend !== 'ipvs')
      .map(async (writer): Promise<OtherWriter> => ({ ...writer, side: await writer.loadSide?.() })),
  );
  const scopeOf = (scope: Scope): IpvsScope => ({ ...scope, own: ownChainsOf(scope.prefix, writers) });
  const planner = plannerOf(others, programOf);

  function kernelOf(run: Run, scope: IpvsScope, observed: IpvsProgram): Kernel {
    const tables = observed.found?.tables;
    const source = tables === undefined ? 'the kernel' : `the kernel (IPVS, ${tables.tools.mode})`;
    const dangers = tables === undefined ? [] : tableDangers(tables, scope.takeOver);
    const desired = (target: Target) => planner.desired(observed, target);
    return {
      ...planner.observed(source, observed, dangers, scope),
      refusal: (target) => refusalReport(run, scope, observed, desired(target)),
      apply: (target) => applyReport(run, scope, observed, desired(target), target),
    };
  }

  async function hasOurs(run: Run, scope: IpvsScope): Promise<boolean> {
    const tables = await observePossible(run, scope.family, scope.own);
    if (tables !== undefined && isToGo(tables, scope)) return true;
    const wanted = { ...scope, takeOver: false };
    return (await observeRemains(run, wanted, { isThorough: false })) !== undefined;
  }

  return {
    check: (run, { ipvs }) => checkHost(run, ipvs),
    prepare,
    modules: ({ ipvs }) => ['ip_vs', `ip_vs_${ipvs.scheduler}`, 'dummy', 'nf_conntrack'],
    initialise,
    async observe(run, wanted, isNeeded) {
      const scope = scopeOf(wanted);
      if (!isNeeded && !(await hasOurs(run, scope))) return undefined;
      return kernelOf(run, scope, await observeProgram(run, scope.family, scope.own));
    },
    record: (run, scope, isNeeded) => recordProgram(run, scope.family, ownChainsOf(scope.prefix, writers), isNeeded),
    meter: openMeter,
    nothing: ({ family, prefix }, source) => planner.observed(source, emptyProgram(family, prefix), []),
    readDump: (source, prefix) => readDump(source, ownChainsOf(prefix, writers), planner),
    loadPlan: async (parsed, prefix) =>
      (await import('./saved-plan.ts')).loadPlan(parsed, ownChainsOf(prefix, writers), scopeOf),
    createPlane: (options) => createIpvsPlane({ ...options, scope: scopeOf(options.scope) }),
    remains: (run, scope) => remainsOf(run, scopeOf(scope)),
    async checkCleanable(run, scope) {
      await observeRemains(run, scopeOf(scope), { isThorough: true });
    },
    makeWay: (run, scope) => makeWay(run, scopeOf(scope)),
    clean: (run, scope) => cleanServers(run, scopeOf(scope)),
    handOver: (run, scope) => handOverServers(run, scopeOf(scope)),
  };
}

async function prepare(run: Run, { ipvs }: Settings): Promise<readonly Preparation[]> {
  const object = { kind: 'machine', name: 'IPVS' } as const;
  const problems = await prepareHost(run, ipvs);
  return problems.map((message) => ({ kind: 'failed', object, code: 'ipvs-setting', message, isNeeded: false }));
}

async function initialise(run: Run, { ipvs }: Settings): Promise<readonly Preparation[]> {
  const sysctls = new Map([...ipvsSysctls(ipvs.strictArp), ...(await reuseSysctls(run))]);
  const works = await tryIpvs(run, ipvs);
  const outcomes = await ensureSysctls(run, sysctls);
  return [works, ...outcomes.map((outcome) => sysctlPreparation(outcome, 'ipvs-setting', true))];
}

async function tryIpvs(run: Run, ipvs: Settings['ipvs']): Promise<Preparation> {
  const facts = { object: { kind: 'machine', name: 'IPVS' } as const, code: 'ipvs-unavailable', isNeeded: true };
  try {
    await checkHost(run, ipvs);
    return { ...facts, kind: 'already', message: `works, with scheduler ${ipvs.scheduler}` };
  } catch (error) {
    if (!(error instanceof IpvsError)) throw error;
    return { ...facts, kind: 'failed', message: error.message };
  }
}
