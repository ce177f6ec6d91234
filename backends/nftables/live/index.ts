import type { Kernel, LiveBackend } from '../../backend.ts';
import type { Run } from '../../command.ts';
import type { ProgramOf } from '../../made.ts';
import { isUsed, type Scope } from '../../target.ts';
import type { NftProgram } from '../program/program.ts';
import type { NftablesUnit } from '../unit.ts';
import { readAhead } from './ahead.ts';
import { applyTelling } from './apply.ts';
import { refusalReport, reportOf } from './apply-report.ts';
import { cleanTables, leaveTables } from './clean.ts';
import { fileName, readDump } from './dump.ts';
import { factsOf, failure } from './errors.ts';
import { handOverTable } from './hand-over.ts';
import { listRuleset, nothingFound, type Observation, observe, observePossible } from './observe.ts';
import { plannerOf } from './plan.ts';
import { createNftablesPlane } from './plane.ts';
import { openMeter } from './traffic.ts';

/** Whether a family without use has something that an apply removes. */
function isToGo({ program, kubeProxy }: Observation, { takeOver }: Scope): boolean {
  return program !== undefined || (takeOver && kubeProxy !== undefined);
}

/** nftables mode before a kernel. */
export function createLive(programOf: ProgramOf<NftablesUnit, NftProgram>): LiveBackend {
  async function kernelOf(run: Run, scope: Scope, observed: Observation): Promise<Kernel> {
    const planner = plannerOf(programOf, scope.takeOver);
    return {
      ...planner.observed('the kernel (nftables)', observed, await readAhead(run, observed)),
      refusal: (target) => Promise.resolve(isUsed(target) && !scope.takeOver ? refusalReport(observed) : undefined),
      apply: (target) =>
        reportOf(scope.family, 'apply', () => applyTelling(run, scope, observed, planner.wanted(target))),
    };
  }

  return {
    failureCounters: {
      syncs: {
        name: 'kubeproxy_sync_proxy_rules_nftables_sync_failures_total',
        help: 'Cumulative proxy nftables sync failures',
      },
      removals: {
        name: 'kubeproxy_sync_proxy_rules_nftables_cleanup_failures_total',
        help: 'Cumulative proxy nftables cleanup failures',
      },
    },
    async check(run) {
      // Lists one set, there or not: `nft list tables` reads everything that there is.
      const args = ['list', 'set', 'ip', 'slicewright', 'health-check-ports'];
      const result = await run('nft', args);
      if (result.exitCode !== 0 && factsOf(result).reason !== 'missing') throw failure('IPv4', args, result);
    },
    prepare: () => Promise.resolve([]),
    modules: () => ['nf_tables', 'nf_conntrack'],
    initialise: () => Promise.resolve([]),
    async observe(run, scope, isNeeded) {
      const observed = isNeeded ? await observe(run, scope) : await observePossible(run, scope);
      return observed && (isNeeded || isToGo(observed, scope)) ? kernelOf(run, scope, observed) : undefined;
    },
    async record(run, { family }, isNeeded) {
      const text = await listRuleset(run, family, isNeeded);
      return text === undefined ? undefined : new Map([[fileName, text]]);
    },
    meter: openMeter,
    nothing: (scope, source) => plannerOf(programOf, scope.takeOver).observed(source, nothingFound(scope)),
    readDump: (source, prefix) => readDump(source, prefix, plannerOf(programOf, false)),
    loadPlan: async (parsed, prefix) => (await import('./saved-plan.ts')).loadPlan(parsed, prefix),
    createPlane: createNftablesPlane,
    remains: (run, scope) => leaveTables(run, scope),
    async checkCleanable(run, scope) {
      await observePossible(run, scope);
    },
    clean: (run, scope) => cleanTables(run, scope),
    handOver: (run, scope) => handOverTable(run, scope),
  };
}
