import type { ChainPrefix } from '../../../compiler/settings.ts';
import type { Kernel, LiveBackend } from '../../backend.ts';
import type { Run } from '../../command.ts';
import type { ProgramOf } from '../../made.ts';
import { tableDangers } from '../../netfilter/diff/dangers.ts';
import { isToGo, type Observation, observe, observePossible, recordTables } from '../../netfilter/live/observation.ts';
import { ownChainsOf, type TableWriter } from '../../netfilter/own-chains.ts';
import { withMark } from '../../netfilter/ownership.ts';
import type { Ruleset } from '../../netfilter/rule.ts';
import type { Scope } from '../../target.ts';
import type { IptablesUnit } from '../unit.ts';
import { applyReport, refusalReport } from './apply-report.ts';
import { cleanTables, leaveTables, readTablesToClean } from './clean.ts';
import { fileNames, readDump } from './dump.ts';
import { handOverTables } from './hand-over.ts';
import { openLoopback } from './open-loopback.ts';
import { packetCounters } from './packet-counters.ts';
import { nothingFound, type Planner, plannerOf } from './plan.ts';
import { createIptablesPlane } from './plane.ts';
import { possibleCounters } from './possible-counters.ts';
import { openMeter } from './traffic.ts';

/**
 * iptables mode before a kernel.
 *
 * writers   every backend that writes tables, this one among them
 */
export function createLive(writers: readonly TableWriter[], programOf: ProgramOf<IptablesUnit, Ruleset>): LiveBackend {
  const ownOf = (prefix: ChainPrefix) => ownChainsOf(prefix, writers);
  const others = writers.filter(({ backend }) => backend !== 'iptables');
  const plannerUnder = (prefix: ChainPrefix): Planner => plannerOf({ own: ownOf(prefix), others, programOf });

  function kernelOf(run: Run, scope: Scope, observed: Observation): Kernel {
    const planner = plannerUnder(scope.prefix);
    const dangers = tableDangers(observed, scope.takeOver);
    const start = planner.observed(`the kernel (${observed.tools.mode})`, observed, dangers);
    return {
      ...start,
      refusal: (target) => refusalReport(run, scope, observed, planner.wanted(target), ownOf(scope.prefix)),
      apply: (target) => applyReport(run, scope, observed, planner.wanted(target), ownOf(scope.prefix), target),
    };
  }

  return {
    packetCounters,
    possible: possibleCounters,
    check: () => Promise.resolve(),
    prepare: () => Promise.resolve([]),
    modules: () => ['nf_conntrack'],
    initialise: (run, settings) => openLoopback(run, settings, ownOf(settings.chainPrefix)),
    async observe(run, scope, isNeeded) {
      const { family, prefix } = scope;
      const observed = isNeeded
        ? await observe(run, family, ownOf(prefix))
        : await observePossible(run, family, ownOf(prefix));
      if (observed === undefined) return undefined;
      return isNeeded || isToGo(observed, scope) ? kernelOf(run, scope, observed) : undefined;
    },
    async record(run, { family, prefix }, isNeeded) {
      const text = await recordTables(run, family, ownOf(prefix), isNeeded);
      return text === undefined ? undefined : new Map([[fileNames[family], text]]);
    },
    meter: (run, scope, isNeeded) => openMeter(run, scope, ownOf(scope.prefix), isNeeded),
    nothing: ({ family, prefix }, source) => plannerUnder(prefix).observed(source, nothingFound(family), []),
    readDump: (source, prefix) => readDump(source, ownOf(prefix), plannerUnder(prefix)),
    async loadPlan(parsed, prefix) {
      const [{ loadPlan }, { iptablesVocabulary }] = await Promise.all([
        import('./saved-plan.ts'),
        import('../vocabulary.ts'),
      ]);
      const own = ownOf(prefix);
      return loadPlan(parsed, own, (family) => iptablesVocabulary(family, withMark(own)));
    },
    createPlane: (options) => createIptablesPlane({ ...options, own: ownOf(options.scope.prefix) }),
    remains: (run, scope, successor) => leaveTables(run, scope, ownOf(scope.prefix), successor),
    async checkCleanable(run, scope) {
      await readTablesToClean(run, scope, ownOf(scope.prefix));
    },
    clean: (run, scope) => cleanTables(run, scope, ownOf(scope.prefix)),
    handOver: (run, scope) => handOverTables(run, scope, ownOf(scope.prefix)),
  };
}
