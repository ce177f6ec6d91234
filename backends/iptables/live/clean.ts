import { counted } from '../../../compiler/values/counted.ts';
import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import type { Family } from '../../../compiler/values/address.ts';
import { printable } from '../../../compiler/values/object-ref.ts';
import type { CleanReport, LeaveReport, Remains, Successor } from '../../backend.ts';
import type { Run } from '../../command.ts';
import { kernelProblem } from '../../errors.ts';
import { removeAccounts } from './accounts.ts';
import { type ApplyReport as RulesReport, applyTarget } from './apply.ts';
import { exposedLoopback } from '../../netfilter/live/exposed-loopback.ts';
import {
  type Observation,
  observe,
  observeAgain,
  observePossible,
  planLive,
} from '../../netfilter/live/observation.ts';
import type { OwnChains } from '../../netfilter/own-chains.ts';
import { type KeptChain, keptForOthers, leftToKubelet } from '../../netfilter/ownership.ts';
import type { Ruleset } from '../../netfilter/rule.ts';
import type { Scope } from '../../target.ts';
import { rulesetSide } from '../side.ts';
import { iptablesTables } from '../table-writer.ts';
import { reportOf } from './apply-report.ts';

/** Chains of every backend that writes tables, in nft tables and legacy ones: each can hold some from an earlier time. */
export async function cleanTables(run: Run, scope: Scope, own: OwnChains): Promise<CleanReport> {
  const report = { done: [] as string[], kept: [] as Diagnostic[], problems: [] as Diagnostic[] };
  let others: string | undefined;
  const state = () => (report.done.length === 0 ? 'nothing' : 'removed');
  for (const observed of await readBoth(run, scope, own)) {
    if (observed.owner === 'nobody') continue;
    if (observed.owner === 'another writer' && !scope.takeOver) {
      const where = `the ${scope.prefix}-* chains in the ${observed.tools.mode} tables are another program's`;
      return { ...report, state: state(), others: `${where}; --take-over removes them too` };
    }
    const removed = await removeAll(run, scope, observed, own, 'cleanup');
    report.problems.push(...removed.problems);
    if (!removed.isDone) return { ...report, state: 'failed', others };
    if (removed.done !== undefined) report.done.push(removed.done);
    report.kept.push(...removed.kept);
    const left = leftToKubelet(observed.ruleset, observed.foreign);
    if (removed.done !== undefined && left.length > 0) others = `${left.join(' and ')}: kubelet's rules there stay`;
  }
  return { ...report, state: state(), others };
}

/** undefined: nothing of it is there. IPv6 may be absent from a machine, IPv4 not. */
export function readTablesToClean(run: Run, { family }: Scope, own: OwnChains): Promise<Observation | undefined> {
  return family === 'IPv4' ? observe(run, family, own) : observePossible(run, family, own);
}

async function readBoth(run: Run, scope: Scope, own: OwnChains): Promise<readonly Observation[]> {
  const observed = await readTablesToClean(run, scope, own);
  if (observed === undefined) return [];
  const { rival } = observed;
  if (rival === undefined) return [observed];
  return [observed, await observeAgain(run, { ...observed, tools: rival.tools, rival: undefined }, own)];
}

/**
 * Chains on a node where a backend without tables of rules is to be in force. A backend that writes the same tables replaces
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
  // Chains that other programs' rules keep in place were reported when the rest went.
  if (planLive(observed, nothing, own).steps.length === 0) return undefined;
  return {
    text: `the rules in the ${observed.tools.mode} tables go: ${sizeOf(observed.ruleset)}`,
    side: ({ node }) =>
      iptablesTables.isInForce(observed.ruleset, scope.prefix) ? rulesetSide(observed.ruleset, node) : undefined,
    async leave(): Promise<LeaveReport> {
      const { isDone, done, kept, problems } = await removeAll(run, scope, observed, own, 'apply');
      const warnings = kept.map((one) => ({ ...one, severity: 'warning' as const }));
      return { isDone, done, waits: undefined, problems: [...problems, ...warnings] };
    },
  };
}

const nothing = { program: undefined, services: [] };

export interface Removed {
  readonly isDone: boolean;
  /** undefined: nothing had to be done. */
  readonly done: string | undefined;
  readonly kept: readonly Diagnostic[];
  readonly problems: readonly Diagnostic[];
}

/** verb   what was tried, in the codes of problems */
export async function removeAll(
  run: Run,
  scope: Scope,
  observed: Observation,
  own: OwnChains,
  verb: string,
): Promise<Removed> {
  // If the other kind of tables holds rules too, these are removed all the same.
  const start = { ...observed, rival: undefined };
  let report: RulesReport | undefined;
  const { isDone, problems } = await reportOf(scope.family, verb, async () => {
    report = await applyTarget(run, start, nothing, own, { takeOver: scope.takeOver });
    return report;
  });
  if (report === undefined) return { isDone, done: undefined, kept: [], problems };
  const after = report.observed;
  // Accounting objects of an earlier mode's rules go too.
  if (report.documents > 0) await removeAccounts(run, scope.prefix);
  const exposed = await exposedLoopback(run, start, after);
  return {
    isDone,
    done: report.documents === 0 ? undefined : removedText(start, after, report.documents),
    kept: keptForOthers(after.ruleset, after.foreign, scope.prefix).map((one) => keptProblem(scope.family, verb, one)),
    problems: [...problems, ...(exposed === undefined ? [] : [exposed])],
  };
}

/** What is gone, and what is left empty. */
function removedText(
  { ruleset: before, tools }: Observation,
  { ruleset: after }: Observation,
  documents: number,
): string {
  const emptied = [...after.chains].filter(
    ([key, { lines }]) => lines.length === 0 && (before.chains.get(key)?.lines.length ?? 0) > 0,
  );
  const chains = counted(before.chains.size - after.chains.size, 'chain');
  const hooks = counted(before.hooks.length - after.hooks.length, 'hook');
  const empty = emptied.length === 0 ? '' : `, ${counted(emptied.length, 'chain')} emptied`;
  return `${chains} and ${hooks} removed${empty} from the ${tools.mode} tables in ${counted(documents, 'transaction')}`;
}

function keptProblem(family: Family, verb: string, { chain, rules, with: beside, isEmpty }: KeptChain): Diagnostic {
  const [first] = rules;
  const how = isEmpty ? 'stays, empty' : beside === undefined ? 'is not removed' : `is not removed, with ${beside}`;
  const more = rules.length < 2 ? '' : `, and ${counted(rules.length - 1, 'rule')} more`;
  const where = printable(`${first?.chain ?? ''} jumps to it (${first?.line ?? ''})`, 400);
  const message = `${chain.table} ${chain.name} ${how}: ${where}${more}, and slicewright leaves other programs' rules in place; once no rule jumps there, cleanup removes it`;
  return kernelProblem(family, `${verb}-chain-in-use`, message);
}

function sizeOf({ chains, hooks }: Ruleset): string {
  return `${counted(chains.size, 'chain')} and ${counted(hooks.length, 'hook')}`;
}
