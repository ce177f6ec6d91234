import type { Run } from '../backends/command.ts';
import { applyProgram, type IpvsReport } from '../backends/ipvs/apply.ts';
import { IpvsError } from '../backends/ipvs/errors.ts';
import { drainingName, frontendsName } from '../backends/ipvs/ledger.ts';
import { observeProgram, readLink } from '../backends/ipvs/observe.ts';
import { KernelError } from '../backends/netfilter/errors.ts';
import type { IpvsProgram } from '../backends/ipvs/program.ts';
import { type ChainPrefix, kubePrefix } from '../compiler/settings.ts';
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
export async function hasIpvs(
  run: Run,
  family: Family,
  { prefix = kubePrefix, isThorough = false }: Pick<RemainsOptions, 'prefix' | 'isThorough'> = {},
): Promise<boolean> {
  if (await hasLink(run, family, prefix)) return true;
  if (!isThorough) return false;
  const { exitCode, stdout } = await run('ipset', ['list', '-n']);
  const names = stdout.split('\n');
  return (
    exitCode === 0 && [frontendsName(family, prefix), drainingName(family, prefix)].some((name) => names.includes(name))
  );
}

async function hasLink(run: Run, family: Family, prefix: ChainPrefix): Promise<boolean> {
  try {
    return (await readLink(run, family, prefix)).state !== 'absent';
  } catch (error) {
    // A machine without the program `ip` has no links of ours.
    if (error instanceof IpvsError && error.reason === 'missing-tool') return false;
    throw error;
  }
}

export interface RemainsOptions {
  /** Whose names they have; kube-proxy's unless said otherwise. */
  readonly prefix?: ChainPrefix;
  /** What another program made at our link counts as ours. */
  readonly takeOver?: boolean;
  readonly isThorough?: boolean;
}

/**
 * What of IPVS mode is ours; undefined: nothing.
 *
 * throws   IpvsError, KernelError
 */
export async function observeRemains(
  run: Run,
  family: Family,
  { prefix = kubePrefix, takeOver = false, isThorough = false }: RemainsOptions = {},
): Promise<IpvsProgram | undefined> {
  if (!(await hasIpvs(run, family, { prefix, isThorough }))) return undefined;
  try {
    const observed = await observeProgram(run, family, prefix);
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
  {
    prefix = kubePrefix,
    takeOver,
    cut,
  }: { readonly prefix?: ChainPrefix; readonly takeOver: boolean; readonly cut: boolean },
): Promise<IpvsReport> {
  return applyProgram(run, family, { program: undefined, services: [] }, { otherMode: true, takeOver, cut, prefix });
}

/** What there is of it, for people: `2 virtual servers and 5 addresses`. */
export function remainsText({ servers, addresses, sets }: IpvsProgram): string {
  const parts = [counted(servers.size, 'virtual server'), counted(addresses.length, 'bound IP')];
  return [...parts, counted(sets.size, 'set')].join(', ');
}
