import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import type { Assembled } from '../../assemble.ts';
import type { Run } from '../../command.ts';
import { forgetConnections, type ForgetReport } from '../../conntrack.ts';
import { createQuarantine } from '../../quarantine.ts';
import type { Scope } from '../../target.ts';
import type { Transaction } from '../plan/command.ts';
import type { NftProgram } from '../program/program.ts';
import type { NftablesUnit } from '../unit.ts';
import { findBlame } from './blame.ts';
import { fingerprintOf } from './fingerprint.ts';
import { isAboutALine, isOutOfDate, NftError } from './errors.ts';
import { staleFlows } from './flows.ts';
import { holdBack } from './held-back.ts';
import { lookAtTable, type Observation, observe } from './observe.ts';
import { lineCount, perform } from './perform.ts';
import { planSteps } from './steps.ts';

/** What should be in force in a family. */
export interface Wanted {
  /** undefined: nothing of slicewright's. */
  readonly assembled: Assembled<NftablesUnit, NftProgram> | undefined;
  readonly node: NodeContext;
  readonly services: readonly ServicePortIR[];
}

export interface ApplyOutcome {
  /** What the last reading showed. */
  readonly observed: Observation;
  readonly documents: number;
  readonly lines: number;
  readonly quarantined: readonly {
    readonly service: string;
    readonly rule: string | undefined;
    readonly message: string;
  }[];
  readonly forgotten: ForgetReport;
  /** How often another writer came in between. */
  readonly disturbances: number;
}

/** If other writers interrupt more often than this, slicewright reports them instead of trying again. */
const mostDisturbances = 3;

/**
 * How slicewright makes sure that what it wrote is there.
 *
 * whole listing   the table is read, whatever was written
 * one look        a table that was made anew needs no listing. The kernel takes a transaction as a whole, and `create table` only
 *                 where none was, so nothing but what was written can be in it: its smallest set shows all of it. A table that
 *                 was there is read, because another program may have changed what the transaction was not about.
 */
export type ReadBack = 'whole listing' | 'one look';

/**
 * Makes a family's kernel hold what is wanted: plans from a reading, performs, reads again, until there is nothing to
 * plan. A refused line names its Service; that one keeps what it has, and the other Services go on.
 *
 * held     Services to leave as they are from the start
 * throws   NftError; everything is then as it was, because a document is taken as a whole or not at all
 */
export async function applyWanted(
  run: Run,
  scope: Scope,
  start: Observation,
  wanted: Wanted,
  held: ReadonlySet<string> = new Set(),
  readBack: ReadBack = 'whole listing',
): Promise<ApplyOutcome> {
  const quarantine = createQuarantine();
  const refusals = new Map<string, { rule: string | undefined; message: string }>();
  let observed = start;
  let documents = 0;
  let lines = 0;
  let disturbances = 0;
  let isWritten = false;
  for (;;) {
    const desired = desiredOf(observed.program, wanted, new Set([...held, ...quarantine.held()]));
    const steps = planSteps(observed, desired, scope.takeOver);
    if (steps.length === 0) {
      isWritten = false;
      if (quarantine.taken()) continue;
      break;
    }
    // nft just reported that it took all of it, and it is not there.
    if (isWritten && ++disturbances > mostDisturbances)
      throw new NftError(scope.family, { reason: 'disturbed' }, unheeded);
    isWritten = false;
    try {
      documents += await perform(run, scope.family, steps);
      lines += lineCount(steps);
      isWritten = true;
      const isNew = desired !== undefined && observed.program === undefined;
      if (readBack === 'one look' && isNew && (await lookAtTable(run, scope.family, observed.table)) === 'there') {
        observed = { ...observed, program: desired, kubeProxy: scope.takeOver ? undefined : observed.kubeProxy };
        continue;
      }
    } catch (error) {
      if (!(error instanceof NftError) || !isAboutALine(error.reason)) throw error;
      const found = await observe(run, scope, observed.program);
      // If no other program changed the table in between, the kernel's refusal is about what slicewright wrote.
      const isDisturbed = isOutOfDate(error.reason) && fingerprintOf(found) !== fingerprintOf(observed);
      if (isDisturbed && ++disturbances > mostDisturbances)
        throw new NftError(scope.family, { reason: 'disturbed' }, error.message);
      if (!isDisturbed && !suspect(error, steps)) throw error;
      observed = found;
      continue;
    }
    observed = await observe(run, scope, desired);
  }
  const before = start.program ?? start.kubeProxy;
  const flows = documents === 0 ? [] : staleFlows(before, observed.program, wanted.services);
  return {
    observed,
    documents,
    lines,
    quarantined: quarantine.convicted().map((service) => ({
      service,
      ...(refusals.get(service) ?? { rule: undefined, message: 'refused' }),
    })),
    forgotten: await forgetConnections(run, scope.family, flows),
    disturbances,
  };

  function suspect(error: NftError, steps: readonly Transaction[]): boolean {
    const { rule, suspects } = findBlame(steps, error.line, wanted.assembled?.units ?? new Map());
    for (const service of suspects) refusals.set(service, { rule, message: error.message });
    return suspects.length > 0 && quarantine.refused(suspects);
  }
}

const unheeded = 'the table differs from what was just written: another program keeps changing it, or nft is faulty';

/**
 * {@link applyWanted}, with what is in force where it fails.
 *
 * throws   NftError
 */
export async function applyTelling(run: Run, scope: Scope, start: Observation, wanted: Wanted): Promise<ApplyOutcome> {
  try {
    return await applyWanted(run, scope, start, wanted);
  } catch (error) {
    if (!(error instanceof NftError)) throw error;
    const { family, reason, line, message } = error;
    const facts = line === undefined ? { reason } : { reason, line };
    throw new NftError(family, facts, `${message}\n${await inForce(run, scope, start)}`);
  }
}

async function inForce(run: Run, scope: Scope, start: Observation): Promise<string> {
  try {
    const isAsBefore = fingerprintOf(await observe(run, scope)) === fingerprintOf(start);
    return isAsBefore
      ? 'The previous rules are still in force.'
      : 'The change is partly in force. Apply again to complete it.';
  } catch (error) {
    if (!(error instanceof NftError)) throw error;
    return 'The rules in force could not be read.';
  }
}

/** undefined: nothing of slicewright's. */
export function desiredOf(
  found: NftProgram | undefined,
  { assembled, node }: Wanted,
  held: ReadonlySet<string>,
): NftProgram | undefined {
  if (assembled === undefined) return undefined;
  return held.size === 0 ? assembled.program : holdBack(found, assembled.units, held, node).program;
}
