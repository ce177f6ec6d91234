import { counted } from '../../../compiler/values/counted.ts';
import type { CleanReport } from '../../backend.ts';
import type { Run } from '../../command.ts';
import { type Observation, observeAgain, planLive } from '../../netfilter/live/observation.ts';
import type { OwnChains } from '../../netfilter/own-chains.ts';
import { markerOf } from '../../netfilter/prefix.ts';
import type { Ruleset } from '../../netfilter/rule.ts';
import { canonicalRuleset } from '../../netfilter/text/canonical.ts';
import type { Scope } from '../../target.ts';
import { applyPlan, type ApplyReport as RulesReport } from './apply.ts';
import { reportOf } from './apply-report.ts';
import { readTablesToClean, removeAll } from './clean.ts';

/**
 * Leaves slicewright's chains as a kube-proxy leaves its own: all rules stay in force, and the mark beside them goes.
 *
 * A kube-proxy rewrites its shared chains with its first sync and deletes every chain of a Service port that it does not
 * want, from any writer, so nothing else has to be changed. It never looks into the other mode's tables, nft or legacy:
 * what slicewright has there as well is removed.
 */
export async function handOverTables(run: Run, scope: Scope, own: OwnChains): Promise<CleanReport> {
  const observed = await readTablesToClean(run, scope, own);
  const isOurs = observed?.owner === 'us' || observed?.rival?.owner === 'us';
  if (observed === undefined || !isOurs) return { ...nothingDone, state: 'nothing' };
  const inForce = { ...observed, rival: undefined };
  if (observed.owner !== 'us') return removeRival(run, scope, observed, own);
  const rival = observed.rival?.owner === 'us' ? await removeRival(run, scope, observed, own) : nothingDone;
  if (rival.state === 'failed') return rival;
  const { isDone, done, problems } = await unmark(run, scope, inForce, own);
  return {
    ...nothingDone,
    state: isDone ? 'removed' : 'failed',
    done: [...rival.done, ...(done === undefined ? [] : [done])],
    kept: rival.kept,
    problems: [...rival.problems, ...problems],
  };
}

const nothingDone = {
  state: 'nothing',
  done: [],
  others: undefined,
  kept: [],
  problems: [],
} as const satisfies CleanReport;

async function removeRival(run: Run, scope: Scope, observed: Observation, own: OwnChains): Promise<CleanReport> {
  const { rival } = observed;
  if (rival === undefined) return nothingDone;
  const start = await observeAgain(run, { ...observed, tools: rival.tools, rival: undefined }, own);
  const { isDone, done, kept, problems } = await removeAll(run, scope, start, own, 'cleanup');
  return {
    ...{ state: isDone ? 'removed' : 'failed', others: undefined, kept, problems },
    done: done === undefined ? [] : [done],
  };
}

async function unmark(run: Run, { family, prefix, takeOver }: Scope, observed: Observation, own: OwnChains) {
  const found = canonicalRuleset(observed.ruleset);
  const desired = withoutMark(found, own);
  const plan = planLive({ ...observed, ruleset: found }, { program: desired, services: [] }, own, desired);
  let report: RulesReport | undefined;
  const { isDone, problems } = await reportOf(family, 'cleanup', async () => {
    report = await applyPlan(run, observed, plan, own, { takeOver });
    return report;
  });
  if (!isDone) return { isDone, done: undefined, problems };
  const stays = `${counted(desired.chains.size, 'chain')} and ${counted(desired.hooks.length, 'hook')}`;
  const where = `the ${observed.tools.mode} tables`;
  return { isDone, done: `${markerOf(prefix)} removed from ${where}; ${stays} stay in force for kube-proxy`, problems };
}

function withoutMark({ family, chains, hooks }: Ruleset, { prefix }: OwnChains): Ruleset {
  const marker = markerOf(prefix);
  return { family, hooks, chains: new Map([...chains].filter(([, { name }]) => name !== marker)) };
}
