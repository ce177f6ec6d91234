import type { ChainPrefix } from '../../../compiler/settings.ts';
import type { Family } from '../../../compiler/values/address.ts';
import type { CommandResult, Run } from '../../command.ts';
import type { Mode } from '../../netfilter/live/kernel.ts';
import { type Observation, observe, observeAgain, recordTables } from '../../netfilter/live/observation.ts';
import type { OwnChains } from '../../netfilter/own-chains.ts';
import { parseSysctls } from '../../host/sysctl.ts';
import { commandFailure } from './errors.ts';
import { parseBound, parseConnections, parseServers, parseSets } from '../program/parse.ts';
import { linkName } from '../program/link-name.ts';
import { dumpFiles, rulesFile, serverWords } from '../program/print.ts';
import type { IpvsProgram, RealKey } from '../program/program.ts';
import { type Link, linkWith, ourSetNames, programIn } from '../program/reading.ts';
import type { Frontend, ServerKey, VirtualServer } from '../program/servers.ts';

/** Settings that slicewright may have to make. Those that a kernel does not know are left out of a reading. */
const sysctlNames = [
  'net.ipv4.conf.all.arp_ignore',
  'net.ipv4.conf.all.arp_announce',
  'net.ipv4.vs.conntrack',
  'net.ipv4.vs.expire_nodest_conn',
  'net.ipv4.vs.expire_quiescent_template',
  'net.ipv4.ip_forward',
] as const;

/**
 * Everything of slicewright's in one family, and what else a plan must know: what other programs made, which real servers
 * have connections, which ones are draining.
 *
 * inUse    the mode of the tables that was chosen before, which stays
 * throws   IpvsError; KernelError for the tables
 */
export async function observeProgram(run: Run, family: Family, own: OwnChains, inUse?: Mode): Promise<IpvsProgram> {
  return readProgram(run, family, own, observe(run, family, own, inUse));
}

/** Reads again, in the tables that an earlier reading found. */
export async function observeProgramAgain(
  run: Run,
  { family, found }: IpvsProgram,
  own: OwnChains,
): Promise<IpvsProgram> {
  if (found?.tables === undefined) return observeProgram(run, family, own);
  return readProgram(run, family, own, observeAgain(run, found.tables, own));
}

async function readProgram(
  run: Run,
  family: Family,
  { prefix }: OwnChains,
  reading: Promise<Observation>,
): Promise<IpvsProgram> {
  const names = ourSetNames(family, prefix);
  const [tables, sets, servers, link, sysctls] = await together([
    reading,
    output(run, 'ipset', ['save']),
    readServers(run),
    readLink(run, family, prefix),
    output(run, 'sysctl', ['-e', ...sysctlNames]),
  ]);
  const program = programIn({
    family,
    prefix,
    sets: parseSets(sets, (name) => names.all.has(name)),
    servers,
    link,
    sysctls: parseSysctls(sysctls),
    tables,
  });
  const { found } = program;
  // A real server that has a weight is not deleted, whatever connections there are.
  const isLeaving = [...program.servers.values(), ...found.foreign.values()].some(({ reals }) =>
    reals.some(({ weight }) => weight === 0),
  );
  return isLeaving ? { ...program, found: { ...found, connections: await readConnections(run) } } : program;
}

/** More virtual servers than so many are listed with all others, in one process. */
const listedEach = 20;

/**
 * Connections per real server.
 *
 * frontends   undefined: of every virtual server
 */
export async function readConnections(
  run: Run,
  frontends?: readonly Frontend[],
): Promise<ReadonlyMap<RealKey, number>> {
  if (frontends === undefined || frontends.length > listedEach) {
    return parseConnections(await output(run, 'ipvsadm', ['--list', '-n']));
  }
  const all = new Map<RealKey, number>();
  for (const frontend of frontends) {
    const text = await output(run, 'ipvsadm', ['--list', '-n', ...serverWords(frontend).split(' ')]);
    for (const [key, count] of parseConnections(text)) all.set(key, count);
  }
  return all;
}

/** Several readings at once. If some fail, the error is that of the first in this order. */
async function together<T extends readonly unknown[]>(
  readings: { readonly [K in keyof T]: Promise<T[K]> },
): Promise<T> {
  await Promise.allSettled(readings);
  return Promise.all(readings);
}

/**
 * All that {@link observeProgram} reads, but for connections, as the tools print it.
 *
 * returns   undefined: nothing is needed, and this machine has no tables of the family
 */
export async function recordProgram(
  run: Run,
  family: Family,
  own: OwnChains,
  isNeeded: boolean,
): Promise<ReadonlyMap<string, string> | undefined> {
  const rules = await recordTables(run, family, own, isNeeded);
  if (rules === undefined) return undefined;
  const link = linkName(own.prefix);
  return new Map([
    [rulesFile(family), rules],
    [dumpFiles.servers, await output(run, 'ipvsadm', ['--save', '-n'])],
    [dumpFiles.sets, await output(run, 'ipset', ['save'])],
    [dumpFiles.addresses(own.prefix), (await showLink(run, link))?.stdout ?? ''],
    [dumpFiles.sysctls, await output(run, 'sysctl', ['-e', ...sysctlNames])],
  ]);
}

/** Both families: IPVS has one table for them. */
export async function readServers(run: Run): Promise<ReadonlyMap<ServerKey, VirtualServer>> {
  return parseServers(await output(run, 'ipvsadm', ['--save', '-n']));
}

export function readLink(run: Run, family: Family, prefix: ChainPrefix): Promise<Link> {
  return readLinkNamed(run, linkName(prefix), family);
}

export async function readLinkNamed(run: Run, link: string, family: Family): Promise<Link> {
  const shown = await showLink(run, link);
  return shown === undefined ? { addresses: [], state: 'absent' } : linkWith(parseBound(shown.stdout), family);
}

/** undefined: there is no such link */
async function showLink(run: Run, link: string): Promise<CommandResult | undefined> {
  const args = ['-o', 'address', 'show', 'dev', link];
  const result = await run('ip', args);
  if (/does not exist|Cannot find device/.test(result.stderr)) return undefined;
  if (result.exitCode !== 0) throw commandFailure(`ip ${args.join(' ')}`, result);
  return result;
}

async function output(run: Run, file: string, args: readonly string[]): Promise<string> {
  const result = await run(file, args);
  if (result.exitCode !== 0) throw commandFailure([file, ...args].join(' '), result);
  return result.stdout;
}
