import { counted } from '../../../compiler/values/counted.ts';
import type { CleanReport, LeaveReport, Remains, Successor } from '../../backend.ts';
import type { Run } from '../../command.ts';
import { applyTarget } from './apply.ts';
import { type Observation, observe, observePossible } from '../../netfilter/live/observation.ts';
import type { OwnChains } from '../../netfilter/own-chains.ts';
import type { Scope } from '../../target.ts';
import { rulesetSide } from '../side.ts';
import { iptablesTables } from '../table-writer.ts';
import { reportOf } from './apply-report.ts';

/** nft tables and legacy ones: each can hold slicewright's rules from some earlier time. */
const kindsOfTables = 2;

/** undefined: nothing of it is there. IPv6 may be absent from a machine, IPv4 not. */
export function readTablesToClean(run: Run, { family }: Scope, own: OwnChains): Promise<Observation | undefined> {
  return family === 'IPv4' ? observe(run, family, own) : observePossible(run, family, own);
}

/** Chains of every backend that writes tables, in both kinds of tables. */
export async function cleanTables(run: Run, scope: Scope, own: OwnChains): Promise<CleanReport> {
  const done: string[] = [];
  const state = () => (done.length === 0 ? 'nothing' : 'removed');
  for (let round = 0; round < kindsOfTables; round++) {
    const observed = await readTablesToClean(run, scope, own);
    if (observed === undefined || observed.owner === 'nobody') break;
    if (observed.owner === 'another writer' && !scope.takeOver) {
      const where = `the ${scope.prefix}-* chains in the ${observed.tools.mode} tables are another program's`;
      return { state: state(), done, others: `${where}; --take-over removes them too`, problems: [] };
    }
    const removed = await removeAll(run, scope, observed, own, 'cleanup');
    if (!removed.isDone) return { state: 'failed', done, others: undefined, problems: removed.problems };
    done.push(removed.text);
  }
  return { state: state(), done, others: undefined, problems: [] };
}

/**
 * Chains on a node where a backend without tables of rules shall be in force. One that writes the same tables replaces
 * them in its own plan.
 */
export async function leaveTables(
  run: Run,
  scope: Scope,
  own: OwnChains,
  { writesTables }: Successor,
): Promise<Remains | undefined> {
  if (writesTables) return undefined;
  const observed = await observePossible(run, scope.family, own);
  if (observed === undefined || observed.owner === 'nobody') return undefined;
  if (observed.owner === 'another writer' && !scope.takeOver) return undefined;
  return {
    text: `the rules in the ${observed.tools.mode} tables go: ${sizeOf(observed)}`,
    side: ({ node }) =>
      iptablesTables.isInForce(observed.ruleset, scope.prefix) ? rulesetSide(observed.ruleset, node) : undefined,
    async leave(): Promise<LeaveReport> {
      const removed = await removeAll(run, scope, observed, own, 'apply');
      return removed.isDone
        ? { isDone: true, done: removed.text, waits: undefined, problems: [] }
        : { isDone: false, done: undefined, waits: undefined, problems: removed.problems };
    },
  };
}

async function removeAll(run: Run, scope: Scope, observed: Observation, own: OwnChains, verb: string) {
  // That the other kind of tables holds some too is no reason to leave these.
  const start = { ...observed, rival: undefined };
  const nothing = { program: undefined, services: [] };
  let documents = 0;
  const { isDone, problems } = await reportOf(scope.family, verb, async () => {
    const report = await applyTarget(run, start, nothing, own, { takeOver: scope.takeOver });
    ({ documents } = report);
    return report;
  });
  const where = `removed from the ${observed.tools.mode} tables in ${counted(documents, 'transaction')}`;
  return { isDone, problems, text: `${sizeOf(observed)} ${where}` };
}

function sizeOf({ ruleset }: Observation): string {
  return `${counted(ruleset.chains.size, 'chain')} and ${counted(ruleset.hooks.length, 'hook')}`;
}
