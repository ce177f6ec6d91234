import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { Family } from '../../../compiler/values/address.ts';
import type { ServicePortId } from '../../../compiler/values/names.ts';
import type { Run } from '../../command.ts';
import type { OwnChains } from '../../netfilter/own-chains.ts';
import type { Scope } from '../../target.ts';
import { type ForgetReport, forgetConnections } from '../../conntrack.ts';
import { KernelError } from '../../netfilter/live/errors.ts';
import { adoptForeign, type Conflict, conflictText, findConflicts } from '../plan/conflicts.ts';
import { drainingReals } from '../plan/departure.ts';
import { IpvsError } from './errors.ts';
import { staleServerFlows } from '../plan/flows.ts';
import { holdBack, ownersOfLine } from '../plan/hold-back.ts';
import { observeProgram, observeProgramAgain } from './observe.ts';
import { realKey } from '../program/ledger.ts';
import { performStep } from './perform.ts';
import { planProgram } from '../plan/plan.ts';
import { emptyProgram, type IpvsProgram, type RealKey } from '../program/program.ts';
import type { ServerKey, VirtualServer } from '../program/servers.ts';
import { type IpvsStep, scriptOf } from '../plan/steps.ts';

export interface IpvsTarget {
  /** undefined: nothing of slicewright's. */
  readonly program: IpvsProgram | undefined;
  /** As compiled: an endpoint that still serves keeps its UDP connections. */
  readonly services: readonly ServicePortIR[];
}

/** What is slicewright's, and by which names chains are known to be. */
export interface IpvsScope extends Scope {
  readonly own: OwnChains;
}

export interface IpvsApplyOptions {
  /**
   * Leave the chains of these names alone: they are another backend's by now. With a target of nothing
   * this is the end of IPVS mode on a node that changed its mode.
   */
  readonly otherMode?: boolean;
  /** Delete what still has connections, instead of letting it drain. */
  readonly cut?: boolean;
  /** A reading of a moment ago; undefined: none. */
  readonly start?: IpvsProgram;
  readonly onStep?: (step: IpvsStep) => void;
}

/** A Service port that the kernel does not take. It is left as it was. */
export interface QuarantinedPort {
  readonly service: ServicePortId;
  readonly line: string;
  readonly error: IpvsError;
}

export interface IpvsReport {
  readonly steps: number;
  readonly lines: number;
  readonly quarantined: readonly QuarantinedPort[];
  /** Frontends that are left out, because another program serves them. */
  readonly conflicts: readonly Conflict[];
  /** Real servers that wait for their last connections, and how long they may at most. */
  readonly draining: number;
  readonly drainingSeconds: number;
  readonly forgotten: ForgetReport;
  /** Read back; nothing is left to do but for what drains, conflicts and quarantined Service ports. */
  readonly observed: IpvsProgram;
  /** What it was brought to: without quarantined Service ports. */
  readonly wanted: IpvsProgram;
}

/** Plans that follow each other: what was quiesced is deleted by the next one; each quarantine needs another. */
const maxRounds = 50;
/** Of those, in a row and without a Service that could be left out: more lead nowhere, whatever the tools say. */
const maxFruitless = 9;

/**
 * Makes the kernel hold what is wanted, from whatever it holds.
 *
 * It observes, plans and performs until there is nothing to plan, so it reports only a success that it has read back.
 * A refused step does not stop it: what the step was for is left as it was, everything else goes
 * on, and the next plan starts from what is there. That plan undoes what the Service had got by then.
 *
 * throws   IpvsError and KernelError, with what is in force. Every prefix of a plan is safe.
 */
export async function applyProgram(
  run: Run,
  scope: IpvsScope,
  target: IpvsTarget,
  options: IpvsApplyOptions = {},
): Promise<IpvsReport> {
  const { family, own } = scope;
  const quarantined = new Map<ServicePortId, QuarantinedPort>();
  const performed = { steps: 0, lines: 0 };
  let start: IpvsProgram | undefined;
  let retried: string | undefined;
  let read = options.start ?? (await observeProgram(run, family, own));
  let fruitless = 0;
  for (let round = 0; round < maxRounds && fruitless < maxFruitless; round++, fruitless++) {
    const desired = desiredProgram(read, family, target, options);
    const observed = seen(read, desired, scope, options);
    start ??= observed;
    const refusal = round === 0 ? refusalForOthers(observed, desired, scope, options) : undefined;
    if (refusal !== undefined) throw refusal;
    const wanted = holdBack(desired, start, new Set(quarantined.keys()));
    const steps = planProgram(observed, wanted);
    if (steps.length === 0) {
      const flows = staleServerFlows(start, observed, target.services);
      const conflicts = findConflicts(observed, desired);
      const forgotten = await forgetConnections(run, family, flows);
      return {
        ...performed,
        quarantined: [...quarantined.values()],
        conflicts,
        forgotten,
        observed,
        wanted,
        ...drain(observed, wanted),
      };
    }
    const failed = await performAll(run, steps, options, performed);
    read = await observeProgramAgain(run, read, own);
    if (failed === undefined) continue;
    const guilty = blame(failed, desired).filter(({ service }) => !quarantined.has(service));
    // If no Service is to blame, another writer may have been in the way: once more from a new reading.
    if (guilty.length === 0 && (retried === failed.message || !isWorthRetry(failed))) throw failed;
    retried = failed.message;
    for (const port of guilty) quarantined.set(port.service, port);
    if (guilty.length > 0) fruitless = 0;
  }
  const why = "another program changes slicewright's rules, or a tool is faulty";
  throw new IpvsError(`the state still differs from the desired one after ${performed.steps} scripts: ${why}`, {
    reason: 'failed',
  });
}

function desiredProgram(
  read: IpvsProgram,
  family: Family,
  { program }: IpvsTarget,
  { otherMode }: IpvsApplyOptions,
): IpvsProgram {
  return (
    program ?? (otherMode === true ? emptyProgram(family, read.prefix, read.rules) : emptyProgram(family, read.prefix))
  );
}

/** The reading, interpreted as the options ask for. */
function seen(
  read: IpvsProgram,
  desired: IpvsProgram,
  { takeOver, excludeCidrs }: IpvsScope,
  { cut }: IpvsApplyOptions,
): IpvsProgram {
  const adopted = takeOver ? adoptForeign(read, desired, excludeCidrs) : read;
  return cut === true ? asIdle(adopted, desired) : adopted;
}

/** Treats real servers that leave as if they had weight 0 and no connections: then they are deleted at once. */
function asIdle(observed: IpvsProgram, desired: IpvsProgram): IpvsProgram {
  const wanted = new Set<RealKey>();
  for (const server of desired.servers.values()) for (const real of server.reals) wanted.add(realKey(server, real));
  const idle = [...observed.servers].map(([key, server]): [ServerKey, VirtualServer] => {
    const reals = server.reals.map((real) => (wanted.has(realKey(server, real)) ? real : { ...real, weight: 0 }));
    return [key, { ...server, reals }];
  });
  const { found } = observed;
  return {
    ...observed,
    servers: new Map(idle),
    ...(found === undefined ? {} : { found: { ...found, connections: new Map() } }),
  };
}

/** Why slicewright changes nothing while other programs write too; undefined: no other program is in the way. */
export function refusalForOthers(
  observed: IpvsProgram,
  desired: IpvsProgram,
  { takeOver }: Pick<IpvsScope, 'takeOver'>,
  { otherMode }: Pick<IpvsApplyOptions, 'otherMode'> = {},
): IpvsError | undefined {
  const sets = findConflicts(observed, desired).filter(({ kind }) => kind === 'other-set');
  if (sets.length > 0) {
    return new IpvsError(sets.map(conflictText).join('\n'), { reason: 'conflict' });
  }
  const tables = observed.found?.tables;
  // Does not matter where chains are left alone.
  if (tables?.rival !== undefined && otherMode !== true) {
    const what = `rules of Services are in the tables of both ${tables.tools.mode} and ${tables.rival.tools.mode}`;
    return new IpvsError(
      `${what}, and both process packets; remove the rules that are not in use; nothing was changed`,
      {
        reason: 'conflict',
      },
    );
  }
  if (tables?.owner === 'another writer' && !takeOver && otherMode !== true) {
    const what = `the ${observed.prefix}-* chains that ${tables.tools.save} shows seem to be a kube-proxy's`;
    return new IpvsError(`${what}; once it is stopped, replace them with --take-over; nothing was changed`, {
      reason: 'conflict',
    });
  }
  return undefined;
}

async function performAll(
  run: Run,
  steps: readonly IpvsStep[],
  { onStep }: IpvsApplyOptions,
  performed: { steps: number; lines: number },
): Promise<IpvsError | KernelError | undefined> {
  for (const step of steps) {
    try {
      await performStep(step, run);
    } catch (error) {
      if (error instanceof IpvsError || error instanceof KernelError) return error;
      throw error;
    }
    performed.steps++;
    performed.lines += scriptOf(step).text.split('\n').length - 1;
    onStep?.(step);
  }
  return undefined;
}

/** Service ports that a refusal names. */
function blame(error: IpvsError | KernelError, desired: IpvsProgram): readonly QuarantinedPort[] {
  if (!(error instanceof IpvsError) || (error.reason !== 'refused' && error.reason !== 'full')) return [];
  return error.lines.flatMap(({ line, service }) =>
    (service === undefined ? ownersOfLine(line, desired) : [service]).map((owner) => ({ service: owner, line, error })),
  );
}

function isWorthRetry({ reason }: IpvsError | KernelError): boolean {
  return ['refused', 'full', 'failed', 'interrupted', 'locked'].includes(reason);
}

function drain(observed: IpvsProgram, wanted: IpvsProgram) {
  const waiting = [...drainingReals(observed, wanted).values()];
  return { draining: waiting.length, drainingSeconds: Math.max(0, ...waiting.map(({ secondsLeft }) => secondsLeft)) };
}
