import type { Danger } from '../../backends/planning/dangers.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import type { PlanRisks } from '../planning/plans.ts';
import { defaultThreshold, isMassRemoval, type Removal, removalDangers, removalText } from '../planning/removal.ts';
import { type DiagnosticFormat, diagnosticsText } from '../terminal/diagnostics.ts';
import type { Io } from '../terminal/io.ts';

/*
 * What a plan may only do with somebody's consent.
 */

/** Options of `plan` and `apply`. */
export interface DangerOptions {
  /** Codes of dangers that make the command fail before anything is changed. */
  readonly failOnDanger?: readonly string[];
  /** The percentage of served Services that may be removed at once; absent: half. */
  readonly massRemovalThreshold?: number;
  readonly diagnostics: DiagnosticFormat;
}

export interface ConsentOptions extends DangerOptions {
  readonly allowMassRemoval?: boolean;
}

/** The exit status where a plan has a danger that `--fail-on-danger` names. */
const dangerStatus = 3;

/** All dangers, including the one that concerns all families together. */
function allDangers({ dangers, removal }: PlanRisks, threshold: number): Danger[] {
  return [...removalDangers(removal, threshold), ...dangers];
}

/**
 * Fails for the dangers that `--fail-on-danger` names, and prints them.
 *
 * returns   the exit status; undefined: the plan has none of them
 */
export async function failForDangers(
  risks: PlanRisks,
  { failOnDanger = [], massRemovalThreshold = defaultThreshold, diagnostics }: DangerOptions,
  io: Io,
): Promise<number | undefined> {
  const found = allDangers(risks, massRemovalThreshold).filter(({ code }) => failOnDanger.includes(code));
  if (found.length === 0) return undefined;
  const problems = found.map(({ code, message }): Diagnostic => {
    const object = { kind: 'danger', name: code };
    return {
      severity: 'error',
      code,
      object,
      message: `${printable(message, 2_000)}; nothing was changed (--fail-on-danger)`,
    };
  });
  await io.err(diagnosticsText(problems, diagnostics));
  return dangerStatus;
}

/**
 * Whether a plan may go on to change something, before any person is asked. If not, it prints why.
 *
 * returns   the exit status if the plan may not go on; undefined: it may
 */
export async function refusedByOptions(risks: PlanRisks, options: ConsentOptions, io: Io): Promise<number | undefined> {
  const status = await failForDangers(risks, options, io);
  const { massRemovalThreshold: threshold = defaultThreshold, allowMassRemoval } = options;
  if (allowMassRemoval === true || !isMassRemoval(risks.removal, threshold)) return status;
  if (status === undefined)
    await io.err(diagnosticsText([removalProblem(risks.removal, threshold)], options.diagnostics));
  return status ?? 1;
}

function removalProblem(removal: Removal, threshold: number): Diagnostic {
  const what = printable(removalText(removal, threshold), 2_000);
  const message = `${what}; nothing was changed. To do that: --allow-mass-removal`;
  return { severity: 'error', code: 'mass-removal', object: { kind: 'plan', name: 'of all families' }, message };
}

const shownPlan = { kind: 'plan', name: 'that was shown' };

/** Asks whether to apply the plan. undefined: the whole answer is "yes"; otherwise why the plan does not go on. */
export async function refusedByAnswer(ask: NonNullable<Io['ask']>): Promise<Diagnostic | undefined> {
  const answer = await ask('\nApply this plan? Type "yes" to apply it: ');
  if (answer?.trim() === 'yes') return undefined;
  const message = 'the answer was not "yes"; nothing was changed';
  return { severity: 'error', code: 'not-confirmed', object: shownPlan, message };
}

/** The kernel changed between the plan and the answer. */
export const changedSince: Diagnostic = {
  severity: 'error',
  code: 'apply-changed-since',
  object: shownPlan,
  message: 'the kernel has changed since the plan was shown; nothing was changed. Plan again',
};
