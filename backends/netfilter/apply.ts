import type { Run } from '../command.ts';
import { type ForgetReport, forgetConnections } from '../conntrack.ts';
import { createQuarantine } from '../quarantine.ts';
import { type Blame, findBlame } from './blame.ts';
import { canonicalRuleset } from './canonical.ts';
import { KernelError, type KernelErrorReason } from './errors.ts';
import { fingerprintOf } from './fingerprint.ts';
import { staleFlows } from './flows.ts';
import { holdBack } from './hold-back.ts';
import { performRestore } from './kernel.ts';
import { desiredRuleset, type LivePlan, type Observation, observeAgain, planLive, type Target } from './live.ts';
import { ownersIn } from './owners.ts';
import type { OwnChains } from './own-chains.ts';
import type { RestoreStep } from './plan.ts';
import { lineCount } from './transaction.ts';

export interface ApplyOptions {
  /** Replace the rules of another writer, in place. */
  readonly takeOver?: boolean;
  /** Told of every document that was taken. */
  readonly onStep?: (step: RestoreStep) => void;
}

/** A Service whose rules the kernel does not take. It keeps those that it had. */
export interface Quarantined {
  /** `shop/cart:http` */
  readonly service: string;
  /** The rule that was refused; undefined: found by leaving out one half of the Services after the other. */
  readonly rule: string | undefined;
  readonly error: KernelError;
}

export interface ApplyReport {
  readonly documents: number;
  readonly lines: number;
  readonly quarantined: readonly Quarantined[];
  readonly forgotten: ForgetReport;
  /** How often the tables were not as we had left them a moment ago. */
  readonly disturbed: number;
  /** What the kernel holds now; read back, and equal to what was wanted but for quarantined Services. */
  readonly observed: Observation;
}

export type ApplyErrorReason = KernelErrorReason | 'another-writer' | 'two-modes' | 'disturbed' | 'changed-since';

/** Applying stopped. `inForce` says what packets meet now, as a sentence. */
export class ApplyError extends Error {
  readonly reason: ApplyErrorReason;
  readonly inForce: string;

  constructor(reason: ApplyErrorReason, what: string, inForce: string, cause?: unknown) {
    super(`${what}\n${inForce}`, { cause });
    this.name = 'ApplyError';
    this.reason = reason;
    this.inForce = inForce;
  }
}

/** Tries while another program holds the lock: each waits for it, five seconds. */
const lockTries = 3;
/** Readings that show something else than was just written. */
const disturbedTries = 3;
/** Bound of the search for refused Services. */
const maxRounds = 200;

/**
 * Makes the kernel hold what is wanted, from whatever it holds.
 *
 * Plan, perform, read, until there is nothing to plan: the reading after one round is the start of
 * the next, so success is always one that was seen. Every failure leaves the kernel somewhere on
 * the way of a plan, where each packet has its old fate or its new one.
 *
 *   locked           tried again, then given up
 *   refused          tried again from a new reading, since another writer may have been at it; then
 *                    the Service is found and left as it is, and all others are applied
 *   malformed, unsupported   the Service is found at once
 *   anything else    given up
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
  refuseOthers(start, target, options);
  const quarantine = createQuarantine();
  const evidence = new Map<string, Quarantined>();
  const counts = { documents: 0, lines: 0, locked: 0, disturbed: 0 };
  let observed = start;
  let suspicion: string | undefined;
  let wrote: string | undefined;

  for (let round = 1; round <= maxRounds; round++) {
    const wanted = desiredRuleset(observed, target);
    const owners = ownersIn([wanted, observed.ruleset], own);
    const plan = planLive(observed, target, own, holdBack(observed.ruleset, wanted, quarantine.held(), owners));
    const restores = plan.steps.filter((step) => step.kind === 'restore');
    if (restores.length === 0) {
      wrote = undefined;
      if (quarantine.taken()) continue;
      const flows = staleFlows(start.ruleset, observed.ruleset, target.services, own);
      const forgotten = await forgetConnections(run, observed.family, flows);
      const quarantined = quarantine.convicted().flatMap((service) => evidence.get(service) ?? []);
      return {
        documents: counts.documents,
        lines: counts.lines,
        quarantined,
        forgotten,
        disturbed: counts.disturbed,
        observed,
      };
    }
    if (wrote !== undefined) {
      counts.disturbed++;
      if (counts.disturbed > disturbedTries) throw disturbed(observed, wrote);
    }
    const failed = await performAll(run, observed, restores, options, counts);
    const before = observed;
    observed = await readBack(run, before, own, failed?.error);
    wrote = failed === undefined ? plan.result : undefined;
    if (failed === undefined) {
      suspicion = undefined;
      continue;
    }
    const { error, step } = failed;
    const blame = findBlame(step.document, error, owners);
    const what = describeFailure(error, blame, restores.indexOf(step) + 1, restores.length);
    const giveUp = () => new ApplyError(error.reason, what, inForce(start, observed), error);
    if (error.reason === 'locked') {
      if (++counts.locked >= lockTries) throw giveUp();
    } else if (error.reason === 'refused' && suspicion !== what) {
      suspicion = what;
    } else if (error.reason === 'refused' || error.reason === 'malformed' || error.reason === 'unsupported') {
      if (!quarantine.refused(blame.suspects)) throw giveUp();
      for (const service of quarantine.convicted()) {
        if (!evidence.has(service))
          evidence.set(service, { service, rule: blame.suspects.length === 1 ? blame.rule : undefined, error });
      }
    } else {
      throw giveUp();
    }
  }
  throw new ApplyError(
    'refused',
    `gave up after ${maxRounds} rounds of leaving out Services`,
    inForce(start, observed),
  );
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
  refuseOthers(start, { program: start.ruleset, services: [] }, options);
  if (start.fingerprint !== plan.fingerprint) {
    const what = `the tables have changed since this plan was made: they are ${start.fingerprint.slice(0, 12)}, it starts from ${plan.fingerprint.slice(0, 12)}`;
    throw new ApplyError('changed-since', what, 'Nothing was changed. Make a new plan.');
  }
  const counts = { documents: 0, lines: 0 };
  const restores = plan.steps.filter((step) => step.kind === 'restore');
  const failed = await performAll(run, start, restores, options, counts);
  const observed = await readBack(run, start, own, failed?.error);
  if (failed !== undefined) {
    const { error, step } = failed;
    const blame = findBlame(step.document, error, ownersIn([observed.ruleset], own));
    const what = describeFailure(error, blame, restores.indexOf(step) + 1, restores.length);
    throw new ApplyError(error.reason, what, inForce(start, observed), error);
  }
  if (fingerprintOf(canonicalRuleset(observed.ruleset)) !== plan.result) throw disturbed(observed, plan.result);
  let forgotten: ForgetReport = { found: 0, problem: undefined };
  for (const step of plan.steps) {
    if (step.kind === 'forget-connections') forgotten = await forgetConnections(run, step.family, step.flows);
  }
  return { ...counts, quarantined: [], forgotten, disturbed: 0, observed };
}

function refuseOthers({ owner, rival, tools }: Observation, target: Target, options: ApplyOptions): void {
  if (rival !== undefined) {
    const what =
      `rules of Services are in the tables of both ${tools.mode} (${tools.save}) and ${rival.tools.mode} ` +
      `(${rival.tools.save}), and packets meet both; remove those that are not in use, ` +
      `${rival.owner === 'us' ? 'with slicewright cleanup' : 'which another writer made'}`;
    throw new ApplyError('two-modes', what, 'Nothing was changed.');
  }
  if (owner === 'another writer' && options.takeOver !== true) {
    const what =
      `the KUBE-* chains in the tables (${tools.save}) are not ours: a kube-proxy seems to own them; ` +
      `${target.program === undefined ? 'remove' : 'replace'} them with --take-over, once it is stopped`;
    throw new ApplyError('another-writer', what, 'Nothing was changed.');
  }
}

interface Failed {
  readonly step: RestoreStep;
  readonly error: KernelError;
}

async function performAll(
  run: Run,
  { tools }: Observation,
  steps: readonly RestoreStep[],
  { onStep }: ApplyOptions,
  counts: { documents: number; lines: number },
): Promise<Failed | undefined> {
  for (const step of steps) {
    try {
      await performRestore(run, tools, step.document);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      return { step, error };
    }
    counts.documents++;
    counts.lines += lineCount(step.document.tables);
    onStep?.(step);
  }
  return undefined;
}

/** Reading must work before anything can be said. What made us read is the better explanation if it does not. */
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
    const unknown = 'What is in force now could not be read; every packet has its old fate or its new one.';
    throw new ApplyError(failed?.reason ?? error.reason, what, unknown, failed ?? error);
  }
}

function disturbed(observed: Observation, wrote: string): ApplyError {
  const what =
    `another writer changes our chains while we write them: what was just written (${wrote.slice(0, 12)}) ` +
    `is not what is there (${observed.fingerprint.slice(0, 12)})`;
  return new ApplyError('disturbed', what, 'A mixture of their rules and ours is in force.');
}

function inForce(start: Observation, now: Observation): string {
  return start.fingerprint === now.fingerprint
    ? 'The previous rules are still in force.'
    : 'Part of the change is in force: every packet has its old fate or its new one. Applying again goes on from there.';
}

/** `nat transaction 3 of 4 was refused at line 417: …` */
function describeFailure(error: KernelError, blame: Blame, number: number, total: number): string {
  const where = `${blame.table === undefined ? '' : `${blame.table} `}transaction ${number} of ${total}`;
  const line = blame.line === undefined ? '' : ` at line ${blame.line}`;
  const rule = blame.rule === undefined ? '' : `\n  ${blame.rule}`;
  const [service] = blame.suspects;
  const whose = blame.suspects.length === 1 ? `\nwritten for Service port ${service}` : '';
  return `${where} failed${line}:${rule}${whose}\n${error.message}`;
}
