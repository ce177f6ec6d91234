import { type ChainPrefix, kubePrefix } from '../../compiler/settings.ts';
import { compareAddresses, type Family, familyOf, type IpAddress } from '../../compiler/values/address.ts';
import type { Run } from '../command.ts';
import { observe, observeAgain } from '../netfilter/live.ts';
import type { SetName } from '../netfilter/rule.ts';
import { parseSysctls } from '../sysctl.ts';
import { commandFailure } from './errors.ts';
import { drainingName, frontendsName, parseLedgerEntry } from './ledger.ts';
import { ownChainsOf } from './own-chains.ts';
import { type FoundSet, parseBound, parseConnections, parseServers, parseSets } from './parse.ts';
import { type Found, type IpvsProgram, linkName } from './program.ts';
import { compareServers, type ServerKey, type VirtualServer } from './servers.ts';
import { stagedName } from './set-plan.ts';
import { type IpSet, setIds, setName } from './sets.ts';

/** What we may have to set. Those that a kernel does not know are left out of a reading. */
const sysctlNames = [
  'net.ipv4.conf.all.arp_ignore',
  'net.ipv4.conf.all.arp_announce',
  'net.ipv4.vs.conntrack',
  'net.ipv4.vs.expire_nodest_conn',
  'net.ipv4.vs.expire_quiescent_template',
  'net.ipv4.ip_forward',
] as const;

/**
 * All of ours in one family, and what else a plan must know: what others made, which real servers
 * have connections, which ones are draining.
 *
 * before   an earlier reading, which knows in which mode the tables are
 * throws   IpvsError; KernelError for the tables
 */
export async function observeProgram(
  run: Run,
  family: Family,
  before?: IpvsProgram,
  prefix: ChainPrefix = before?.prefix ?? kubePrefix,
): Promise<IpvsProgram> {
  const known = before?.found?.tables;
  const own = ownChainsOf(prefix);
  const tables = await (known === undefined ? observe(run, family, own) : observeAgain(run, known, own));
  const names = setNames(family, prefix);
  const sets = parseSets(await output(run, 'ipset', ['save']), (name) => names.all.has(name));
  const pick = (wanted: ReadonlySet<SetName>): ReadonlyMap<SetName, IpSet> =>
    new Map([...sets].filter(([name]) => wanted.has(name)).map(([name, set]) => [name, plain(set)]));
  const owned = ledgerKeys(sets.get(frontendsName(family, prefix)));
  const all = [...(await readServers(run))].filter(([, { address }]) => familyOf(address) === family);
  const servers = all.filter(([key]) => owned.has(key)).sort(([, a], [, b]) => compareServers(a, b));
  const link = await readLink(run, family, prefix);
  return {
    family,
    prefix,
    servers: new Map(servers),
    owners: new Map(),
    sets: pick(names.live),
    addresses: link.addresses,
    rules: tables.ruleset,
    sysctls: parseSysctls(await output(run, 'sysctl', ['-e', ...sysctlNames])),
    found: {
      foreign: new Map(all.filter(([key]) => !owned.has(key))),
      connections: servers.length > 0 ? parseConnections(await output(run, 'ipvsadm', ['--list', '-n'])) : new Map(),
      draining: sets.get(drainingName(family, prefix))?.secondsLeft ?? new Map(),
      ledger: pick(names.ledger),
      staged: [...pick(names.staged).values()],
      link: link.state,
      tables,
    },
  };
}

/** Both families: IPVS has one table for them. */
export async function readServers(run: Run): Promise<ReadonlyMap<ServerKey, VirtualServer>> {
  return parseServers(await output(run, 'ipvsadm', ['--save', '-n']));
}

/** What is bound on our link. */
export interface Link {
  readonly addresses: readonly IpAddress[];
  readonly state: Found['link'];
}

export function readLink(run: Run, family: Family, prefix: ChainPrefix): Promise<Link> {
  return readLinkNamed(run, linkName(prefix), family);
}

export async function readLinkNamed(run: Run, link: string, family: Family): Promise<Link> {
  const args = ['-o', 'address', 'show', 'dev', link];
  const result = await run('ip', args);
  if (/does not exist|Cannot find device/.test(result.stderr)) return { addresses: [], state: 'absent' };
  if (result.exitCode !== 0) throw commandFailure(`ip ${args.join(' ')}`, result);
  const all = parseBound(result.stdout);
  const ours = all.filter((address) => familyOf(address) === family);
  const state = ours.length < all.length ? 'shared with the other family' : 'ours';
  return { addresses: ours.sort(compareAddresses), state };
}

function setNames(family: Family, prefix: ChainPrefix) {
  const live = new Set(setIds.map((id) => setName(id, family, prefix)));
  const ledger = new Set([frontendsName(family, prefix), drainingName(family, prefix)]);
  const staged = new Set([...live, ...ledger].map(stagedName));
  return { live, ledger, staged, all: new Set([...live, ...ledger, ...staged]) };
}

function plain({ name, definition, entries }: FoundSet): IpSet {
  return { name, definition, entries };
}

function ledgerKeys(set: FoundSet | undefined): ReadonlySet<ServerKey> {
  return new Set((set?.entries ?? []).flatMap((entry) => parseLedgerEntry(entry) ?? []));
}

async function output(run: Run, file: string, args: readonly string[]): Promise<string> {
  const result = await run(file, args);
  if (result.exitCode !== 0) throw commandFailure([file, ...args].join(' '), result);
  return result.stdout;
}
