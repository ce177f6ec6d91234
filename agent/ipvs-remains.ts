import type { Run } from '../backends/command.ts';
import { applyProgram, type IpvsReport } from '../backends/ipvs/apply.ts';
import { IpvsError } from '../backends/ipvs/errors.ts';
import { drainingName, frontendsName } from '../backends/ipvs/ledger.ts';
import { observeProgram, readLink } from '../backends/ipvs/observe.ts';
import { KernelError } from '../backends/netfilter/errors.ts';
import type { IpvsProgram } from '../backends/ipvs/program.ts';
import type { Family } from '../compiler/values/address.ts';
import { counted } from './plan-report/report.ts';

/*
 * What IPVS mode has on a node that shall have none of it: because another mode is in force by
 * now, or nothing shall be. The chains are that mode's business; here it is about the rest.
 */

/**
 * Whether there may be anything. Our link stands from before the first set until after the last; but
 * it can be deleted under us, so a thorough look asks for our bookkeeping too. Neither loads IPVS into
 * a kernel that never had it.
 */
export async function hasIpvs(run: Run, family: Family, isThorough = false): Promise<boolean> {
  if (await hasLink(run, family)) return true;
  if (!isThorough) return false;
  const { exitCode, stdout } = await run('ipset', ['list', '-n']);
  const names = stdout.split('\n');
  return exitCode === 0 && [frontendsName(family), drainingName(family)].some((name) => names.includes(name));
}

async function hasLink(run: Run, family: Family): Promise<boolean> {
  try {
    return (await readLink(run, family)).state !== 'absent';
  } catch (error) {
    // A machine without the program `ip` has no links of ours.
    if (error instanceof IpvsError && error.reason === 'missing-tool') return false;
    throw error;
  }
}

/**
 * What of IPVS mode is ours; undefined: nothing.
 *
 * takeOver   what another program made at our link counts as ours
 * throws     IpvsError, KernelError
 */
export async function observeRemains(
  run: Run,
  family: Family,
  { takeOver = false, isThorough = false }: { readonly takeOver?: boolean; readonly isThorough?: boolean } = {},
): Promise<IpvsProgram | undefined> {
  if (!(await hasIpvs(run, family, isThorough))) return undefined;
  try {
    const observed = await observeProgram(run, family);
    return takeOver || isOurs(observed) ? observed : undefined;
  } catch (error) {
    if (error instanceof KernelError && isAbsence(error)) return undefined;
    throw error;
  }
}

/** A machine without IPv6 has no tables of it, and nothing of ours either. */
function isAbsence({ reason }: KernelError): boolean {
  return reason === 'missing-tool' || reason === 'unsupported';
}

/** Our bookkeeping says so. An empty link is what a plan that was interrupted at either end leaves. */
function isOurs({ found, addresses, sets }: IpvsProgram): boolean {
  if (found === undefined) return false;
  if (found.ledger.size > 0) return true;
  return found.link === 'ours' && addresses.length === 0 && sets.size === 0;
}

/**
 * Takes IPVS mode out of a node, once nothing new comes to it any more: other rules are in force, or
 * none shall be. Chains stay as they are.
 *
 * cut      delete what still has connections, instead of letting it drain
 * throws   IpvsError, KernelError
 */
export function removeIpvs(
  run: Run,
  family: Family,
  { takeOver, cut }: { readonly takeOver: boolean; readonly cut: boolean },
): Promise<IpvsReport> {
  return applyProgram(run, family, { program: undefined, services: [] }, { otherMode: true, takeOver, cut });
}

/** What there is of it, for people: `2 virtual servers and 5 addresses`. */
export function remainsText({ servers, addresses, sets }: IpvsProgram): string {
  const parts = [counted(servers.size, 'virtual server'), counted(addresses.length, 'bound IP')];
  return [...parts, counted(sets.size, 'set')].join(', ');
}
