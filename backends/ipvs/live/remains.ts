import { counted } from '../../../compiler/values/counted.ts';
import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import type { CleanReport, LeaveReport, Remains } from '../../backend.ts';
import type { Run } from '../../command.ts';
import { KernelError } from '../../netfilter/live/errors.ts';
import { applyProgram, type IpvsScope } from './apply.ts';
import { IpvsError } from './errors.ts';
import { drainingName, frontendsName } from '../program/ledger.ts';
import { observeProgram, readLink } from './observe.ts';
import type { IpvsProgram } from '../program/program.ts';
import { ipvsTables } from '../table-writer.ts';
import { dialFromNode } from './own-source.ts';
import { linkName } from '../program/link-name.ts';
import { describeFailure, drainText } from './apply-report.ts';
import { ipvsSide } from './side.ts';

/*
 * What IPVS mode has left on a node that should have none of it: another backend is in force by
 * now, or slicewright is being removed. The backend that writes tables removes the chains; this file is about the rest.
 */

export async function remainsOf(run: Run, scope: IpvsScope): Promise<Remains | undefined> {
  const remains = await observeRemains(run, scope, { isThorough: false });
  return (
    remains && {
      text: `IPVS mode goes: ${remainsText(remains)}`,
      side: ({ services, node }) =>
        ipvsTables.isInForce(remains.rules, remains.prefix) ? ipvsSide(remains, services, node) : undefined,
      leave: () => remove(run, scope, remains, false),
    }
  );
}

/**
 * Another backend is about to come into force: what the node dials under its rules must not come from an address that is
 * unbound before the connection ends. The node's virtual servers answer as before.
 *
 * throws   IpvsError, KernelError
 */
export async function makeWay(run: Run, scope: IpvsScope): Promise<readonly Diagnostic[]> {
  const remains = await observeRemains(run, scope, { isThorough: false });
  return remains === undefined ? [] : dialFromNode(run, scope.family, linkName(scope.prefix), remains.addresses);
}

/** Virtual servers, sets and addresses; chains are gone by now. */
export async function cleanServers(run: Run, scope: IpvsScope): Promise<CleanReport> {
  const clean = { done: [], others: undefined, kept: [], problems: [] };
  try {
    const remains = await observeRemains(run, scope, { isThorough: true });
    if (remains === undefined) return { ...clean, state: 'nothing' };
    const { isDone, done, problems } = await remove(run, scope, remains, true);
    return {
      ...clean,
      state: isDone ? 'removed' : 'failed',
      done: done === undefined ? [] : [done],
      problems,
    };
  } catch (error) {
    return { ...clean, state: 'failed', problems: [describeFailure(scope.family, error, 'cleanup')] };
  }
}

/** isEnd   nothing may be left: real servers that still have connections are deleted, and do not drain */
async function remove(run: Run, scope: IpvsScope, remains: IpvsProgram, isEnd: boolean): Promise<LeaveReport> {
  try {
    const nothing = { program: undefined, services: [] };
    const report = await applyProgram(run, scope, nothing, { otherMode: true, cut: isEnd });
    const { draining, steps } = report;
    const verb = draining === 0 ? 'removed' : 'is draining';
    const size = `(${remainsText(remains)}) in ${counted(steps, 'script')}`;
    const done = `IPVS mode ${verb} ${size}${drainText(report)}`;
    const waits =
      draining === 0 ? undefined : 'IPVS mode is being removed: some of its real servers still have connections';
    return { isDone: true, done, waits, problems: [] };
  } catch (error) {
    const problem = describeFailure(scope.family, error, isEnd ? 'cleanup' : 'apply');
    return { isDone: false, done: undefined, waits: undefined, problems: [problem] };
  }
}

/**
 * What IPVS mode has left of slicewright's; undefined: nothing.
 *
 * isThorough   another program may have deleted the link, so look for the bookkeeping too
 * throws       IpvsError, KernelError
 */
export async function observeRemains(
  run: Run,
  scope: IpvsScope,
  { isThorough }: { readonly isThorough: boolean },
): Promise<IpvsProgram | undefined> {
  const { family, own, takeOver } = scope;
  if (!(await hasLink(run, scope)) && !(isThorough && (await hasLedger(run, scope)))) return undefined;
  try {
    const observed = await observeProgram(run, family, own);
    return takeOver || isOurs(observed) ? observed : undefined;
  } catch (error) {
    // A machine without IPv6 has no tables of it, and nothing of slicewright's either.
    if (error instanceof KernelError && error.isAbsence) return undefined;
    throw error;
  }
}

/**
 * The link exists from before the first set until after the last. Looking for it does not load IPVS into a kernel that
 * never had it.
 */
async function hasLink(run: Run, { family, prefix }: IpvsScope): Promise<boolean> {
  try {
    return (await readLink(run, family, prefix)).state !== 'absent';
  } catch (error) {
    // A machine without the program `ip` has no such link.
    if (error instanceof IpvsError && error.reason === 'missing-tool') return false;
    throw error;
  }
}

async function hasLedger(run: Run, { family, prefix }: IpvsScope): Promise<boolean> {
  const { exitCode, stdout } = await run('ipset', ['list', '-n']);
  const names = stdout.split('\n');
  const ledger = [frontendsName(family, prefix), drainingName(family, prefix)];
  return exitCode === 0 && ledger.some((name) => names.includes(name));
}

/** The bookkeeping shows it. An empty link is what a plan that was interrupted at either end leaves. */
function isOurs({ found, addresses, sets }: IpvsProgram): boolean {
  if (found === undefined) return false;
  if (found.ledger.size > 0) return true;
  return found.link === 'ours' && addresses.length === 0 && sets.size === 0;
}

/** For people: `2 virtual servers, 5 bound IPs, 9 sets`. */
function remainsText({ servers, addresses, sets }: IpvsProgram): string {
  const parts = [counted(servers.size, 'virtual server'), counted(addresses.length, 'bound IP')];
  return [...parts, counted(sets.size, 'set')].join(', ');
}
