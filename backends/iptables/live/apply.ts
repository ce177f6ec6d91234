import type { Run } from '../../command.ts';
import { type ForgetReport, forgetConnections } from '../../conntrack.ts';
import { dropAccounts, makeAccounts } from './accounts.ts';
import { ApplyError, describeFailure, disturbed, inForce, torn } from './apply-error.ts';
import { type Attempts, createAttempts, type Quarantined } from './attempts.ts';
import { findBlame } from './blame.ts';
import { canonicalRuleset } from '../../netfilter/text/canonical.ts';
import { KernelError } from '../../netfilter/live/errors.ts';
import { fingerprintOf } from '../../netfilter/diff/fingerprint.ts';
import { outcomeOf } from '../../netfilter/diff/outcome.ts';
import { staleFlows } from '../../netfilter/live/flows.ts';
import { holdBack } from './hold-back.ts';
import { performRestore } from '../../netfilter/live/kernel.ts';
import {
  desiredRuleset,
  type LivePlan,
  type Observation,
  observeAgain,
  planLive,
  type Target,
} from '../../netfilter/live/observation.ts';
import type { OwnChains } from '../../netfilter/own-chains.ts';
import { type Owners, ownersIn } from '../../netfilter/owners.ts';
import type { RestoreStep } from '../../netfilter/diff/plan.ts';
import type { Ruleset } from '../../netfilter/rule.ts';
import { lineCount } from '../../netfilter/diff/transaction.ts';

export { ApplyError } from './apply-error.ts';
export type { Quarantined } from './attempts.ts';

export interface ApplyOptions {
  /** Replace the rules of another writer, in place. */
  readonly takeOver?: boolean;
  /** Called with every document that the kernel took. */
  readonly onStep?: (step: RestoreStep) => void;
}

export interface ApplyReport {
  /** What was taken, other than what failed and was tried again. */
  readonly documents: number;
  readonly lines: number;
  readonly quarantined: readonly Quarantined[];
  readonly forgotten: ForgetReport;
  /** How often the tables differed from what slicewright had just written. */
  readonly disturbances: number;
  /** What the kernel holds now; read back, and equal to what was wanted but for quarantined Services. */
  readonly observed: Observation;
}

/** Bound of the search for refused Services. */
const maxRounds = 200;

/**
 * Makes the kernel hold what is wanted, from whatever it holds.
 *
 * It plans, performs and reads until there is nothing to plan: the reading after one round is the start of
 * the next, so it reports only a success that it has read back. Every failure leaves the kernel somewhere on
 * the way of a plan, where each packet has its old fate or its new one. attempts.ts decides what is
 * tried again, and when a Service is left out.
 *
 * start    a reading of a moment ago
 * throws   ApplyError
 */
export async function applyTarget(
  run: Run,
  start: Observation,
  target: Target,
  own: OwnChains,
  options: ApplyOptions = {},
): Promise<ApplyReport> {
  const refusal = refusalForOthers(start, target, own, options);
  if (refusal !== undefined) throw refusal;
  const attempts = createAttempts();
  const performed = { documents: 0, lines: 0 };
  let observed = start;
  let wrote: LivePlan | undefined;
  const forget = () =>
    forgetConnections(run, start.family, staleFlows(start.ruleset, observed.ruleset, target.services, own));

  try {
    for (let round = 1; round <= maxRounds; round++) {
      const { plan, owners } = nextPlan(observed, target, own, attempts);
      const restores = restoresOf(plan);
      if (restores.length === 0) {
        wrote = undefined;
        if (attempts.taken()) continue;
        await dropAccounts(run, start, observed);
        const { quarantined, disturbances } = attempts;
        const report = { ...performed, quarantined: quarantined(), disturbances: disturbances(), observed };
        return { ...report, forgotten: await forget() };
      }
      if (wrote !== undefined && !attempts.disturbed()) throw disturbed(wrote.result, observed.fingerprint);
      const before = observed;
      const failed = await performAll(run, before, restores, options, performed);
      observed = await readBack(run, before, own, failed?.error);
      wrote = failed === undefined ? plan : undefined;
      if (failed !== undefined) {
        // Nothing can be concluded from a refusal that has left half a table behind.
        if (isTorn(before, restores, failed.step, observed)) {
          if (!attempts.disturbed()) throw torn(failed.error);
          continue;
        }
        const blame = findBlame(failed.step.document, failed.error, owners);
        if (!attempts.failed(failed.error, failed.step.document, blame)) {
          throw stopped(failed, restores, owners, start, observed);
        }
      }
    }
    const what = `gave up after leaving out Services in ${maxRounds} rounds`;
    throw new ApplyError('refused', what, inForce(start, observed));
  } catch (error) {
    // Whatever is in force now: clients of endpoints that are gone from it must not go on sending there.
    await forget();
    throw error;
  }
}

function nextPlan(observed: Observation, target: Target, own: OwnChains, attempts: Attempts) {
  const wanted = desiredRuleset(observed, target, own);
  const owners = ownersIn([wanted, observed.ruleset], own);
  const desired = holdBack(observed.ruleset, wanted, attempts.held(), owners);
  return { plan: planLive(observed, target, own, desired, attempts.limit()), owners };
}

/**
 * Performs a plan that was made earlier, exactly, or not at all.
 *
 * throws   ApplyError; `changed-since` when the kernel is not in the state that the plan starts from
 */
export async function applyPlan(
  run: Run,
  start: Observation,
  plan: Pick<LivePlan, 'fingerprint' | 'result' | 'steps'>,
  own: OwnChains,
  options: ApplyOptions = {},
): Promise<ApplyReport> {
  const refusal = refusalOf(start, plan, own, options);
  if (refusal !== undefined) throw refusal;
  const performed = { documents: 0, lines: 0 };
  const restores = restoresOf(plan);
  const failed = await performAll(run, start, restores, options, performed);
  const observed = await readBack(run, start, own, failed?.error);
  if (failed !== undefined) throw stopped(failed, restores, ownersIn([observed.ruleset], own), start, observed);
  const found = fingerprintOf(canonicalRuleset(observed.ruleset));
  if (found !== plan.result) throw disturbed(plan.result, found);
  await dropAccounts(run, start, observed);
  let forgotten: ForgetReport = { found: 0, problem: undefined };
  for (const step of plan.steps) {
    if (step.kind === 'forget-connections') forgotten = await forgetConnections(run, step.family, step.flows);
  }
  return { ...performed, quarantined: [], forgotten, disturbances: 0, observed };
}

/** Why a plan that was made earlier is not performed from here; undefined: it fits. */
export function refusalOf(
  start: Observation,
  plan: Pick<LivePlan, 'fingerprint'>,
  own: OwnChains,
  options: ApplyOptions,
): ApplyError | undefined {
  const others = refusalForOthers(start, { program: start.ruleset, services: [] }, own, options);
  if (others !== undefined || start.fingerprint === plan.fingerprint) return others;
  const states = `now ${start.fingerprint.slice(0, 12)}, when planned ${plan.fingerprint.slice(0, 12)}`;
  const what = `the tables have changed since this plan was made: ${states}`;
  return new ApplyError('changed-since', what, 'Nothing was changed. Make a new plan.');
}

/** Why slicewright changes nothing while other programs write too; undefined: no other program is in the way. */
export function refusalForOthers(
  { owner, rival, tools }: Observation,
  target: Target,
  { prefix }: OwnChains,
  options: ApplyOptions,
): ApplyError | undefined {
  if (rival !== undefined) {
    const what =
      `rules of Services are in the tables of both ${tools.mode} (${tools.save}) and ${rival.tools.mode} ` +
      `(${rival.tools.save}), and both process packets; remove the rules that are not in use`;
    return new ApplyError('two-modes', what, 'Nothing was changed.');
  }
  if (owner === 'another writer' && options.takeOver !== true) {
    const verb = target.program === undefined ? 'remove' : 'replace';
    const what =
      `the ${prefix}-* chains that ${tools.save} shows seem to be a kube-proxy's; ` +
      `once it is stopped, ${verb} them with --take-over`;
    return new ApplyError('another-writer', what, 'Nothing was changed.');
  }
  return undefined;
}

function restoresOf({ steps }: Pick<LivePlan, 'steps'>): RestoreStep[] {
  return steps.filter((step) => step.kind === 'restore');
}

interface Failed {
  readonly step: RestoreStep;
  readonly error: KernelError;
}

async function performAll(
  run: Run,
  before: Observation,
  steps: readonly RestoreStep[],
  { onStep }: ApplyOptions,
  performed: { documents: number; lines: number },
): Promise<Failed | undefined> {
  await makeAccounts(
    run,
    before,
    steps.map(({ document }) => document),
  );
  for (const step of steps) {
    try {
      await performRestore(run, before.tools, step.document);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      return { step, error };
    }
    performed.documents++;
    performed.lines += lineCount(step.document.tables);
    onStep?.(step);
  }
  return undefined;
}

/**
 * Whether a document that failed has left what no number of its tables makes: a kernel takes a table whole or not at all.
 * Then a tool is faulty, or another program wrote the same tables.
 */
function isTorn(before: Observation, restores: readonly RestoreStep[], failed: RestoreStep, now: Observation): boolean {
  let reached: Ruleset | undefined = before.ruleset;
  for (const { document } of restores.slice(0, restores.indexOf(failed))) {
    reached = reached && outcomeOf(reached, document);
  }
  const found = fingerprintOf(canonicalRuleset(now.ruleset));
  return !failed.document.tables.some((_, committed) => {
    const possible = reached && outcomeOf(reached, failed.document, committed);
    return possible !== undefined && fingerprintOf(canonicalRuleset(possible)) === found;
  });
}

/** The tables must be read before anything can be reported. If that fails, the failure that came first explains more. */
async function readBack(
  run: Run,
  before: Observation,
  own: OwnChains,
  failed: KernelError | undefined,
): Promise<Observation> {
  try {
    return await observeAgain(run, before, own);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const what = failed === undefined ? error.message : `${failed.message}\nand then ${error.message}`;
    const unknown = 'The rules in force could not be read; every packet is treated by its previous or its new rules.';
    throw new ApplyError(failed?.reason ?? error.reason, what, unknown, failed ?? error);
  }
}

function stopped(
  { error, step }: Failed,
  steps: readonly RestoreStep[],
  owners: Owners,
  start: Observation,
  now: Observation,
): ApplyError {
  const blame = findBlame(step.document, error, owners);
  const what = describeFailure(error, blame, steps.indexOf(step) + 1, steps.length);
  return new ApplyError(error.reason, what, inForce(start, now), error);
}
