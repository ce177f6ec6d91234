import { compareAddresses } from '../../../compiler/values/address.ts';
import { compareText, type ServicePortId } from '../../../compiler/values/names.ts';
import { chainFromLines } from '../../netfilter/chain.ts';
import type { Chain, Rule, Ruleset, SetName } from '../../netfilter/rule.ts';
import type { IpvsProgram, IpvsUnit, UnitEntry } from '../program/program.ts';
import { compareServers, type ServerKey, type VirtualServer } from '../program/servers.ts';
import { addressEntry, frontendEntry, type IpSet, type SetEntry, setName, withEntries } from '../program/sets.ts';

/**
 * A program that leaves some Service ports as they were before, while all others change: their
 * virtual servers, entries and addresses are those of `before`, or none where there were none.
 */
export function holdBack(desired: IpvsProgram, before: IpvsProgram, held: ReadonlySet<ServicePortId>): IpvsProgram {
  if (held.size === 0) return desired;
  const servers = new Map<ServerKey, VirtualServer>();
  const back: VirtualServer[] = [];
  const out = new Set<string>();
  for (const [key, server] of desired.servers) {
    const owner = desired.owners.get(key);
    if (owner === undefined || !held.has(owner)) {
      servers.set(key, server);
      continue;
    }
    out.add(frontendEntry(server));
    const old = before.servers.get(key);
    if (old === undefined) continue;
    back.push(old);
    servers.set(key, old);
  }
  const served = new Set([...servers.values()].map(({ address }) => address));
  const oldAddresses = new Set(before.addresses);
  const stillBound = back.map(({ address }) => address).filter((address) => oldAddresses.has(address));
  // Where nothing is served, some other Service drops what comes.
  const ofOthers = new Set([...desired.shares].flatMap(([id, { bind }]) => (held.has(id) ? [] : bind)));
  const stayBound = desired.addresses.filter((address) => served.has(address) || ofOthers.has(address));
  const addresses = [...new Set([...stayBound, ...stillBound])];
  const { isOfHeld, isOfOld } = entriesOf(desired, held, out, back);
  const ipvsIps = setName('ipvsIps', desired.family, desired.prefix);
  const oldEntries = (name: SetName) =>
    (before.sets.get(name)?.entries ?? []).filter((entry) => isOfHeld(name, entry) || isOfOld(entry));
  const sets = [...desired.sets].map(([name, set]): readonly [SetName, IpSet] => {
    if (name === ipvsIps) return [name, withEntries(set, addresses.map(addressEntry))];
    const others = set.entries.filter((entry) => !isOfHeld(name, entry));
    return [name, withEntries(set, [...new Set([...others, ...oldEntries(name)])])];
  });
  // slicewright's sets stay while they have entries: no other Service needs them now.
  const kept = [...before.sets]
    .filter(([name]) => !desired.sets.has(name) && oldEntries(name).length > 0)
    .map(([name, set]): readonly [SetName, IpSet] => [name, withEntries(set, oldEntries(name))]);
  return {
    ...desired,
    servers: new Map([...servers].sort(([, a], [, b]) => compareServers(a, b))),
    sets: new Map([...sets, ...kept].sort(([a], [b]) => compareText(a, b))),
    rules: withRulesOver(new Set(kept.map(([name]) => name)), desired),
    addresses: addresses.sort(compareAddresses),
  };
}

/** A program's rules, and those over some more sets that come back with their entries. */
function withRulesOver(names: ReadonlySet<SetName>, { rules, everyRule }: IpvsProgram): Ruleset {
  if (names.size === 0 || everyRule === undefined) return rules;
  const isOver = (rule: Rule | undefined) =>
    rule?.matches.some((match) => match.kind === 'set' && names.has(match.name)) === true;
  const chains = [...everyRule.chains].map(([key, { table, name, rules: every, lines }]): readonly [string, Chain] => {
    const wanted = new Set(rules.chains.get(key)?.lines);
    const kept = lines.filter((line, i) => wanted.has(line) || isOver(every[i]));
    return [key, chainFromLines(rules.family, table, name, kept)];
  });
  return { ...rules, chains: new Map(chains) };
}

/**
 * Which entries are of held Service ports.
 *
 * isOfHeld   held Service ports desire it, and no other Service port does
 * isOfOld    it was theirs before the change: their endpoints and their node ports, which name no frontend
 */
function entriesOf(
  { shares, family, prefix }: IpvsProgram,
  held: ReadonlySet<ServicePortId>,
  frontends: ReadonlySet<string>,
  back: readonly VirtualServer[],
) {
  const mine = new Set<string>();
  const others = new Set<string>();
  for (const [id, unit] of shares) {
    for (const { set, entry } of allEntries(unit)) {
      (held.has(id) ? mine : others).add(`${setName(set, family, prefix)} ${entry}`);
    }
  }
  const old = new Set<string>(
    back.flatMap(({ protocol, port, reals }) => [
      String(port),
      ...reals.map((real) => frontendEntry({ address: real.address, port: real.port, protocol })),
    ]),
  );
  const placeOf = (entry: SetEntry) => entry.split(',').slice(0, 2).join(',');
  return {
    isOfHeld: (name: SetName, entry: SetEntry) =>
      frontends.has(placeOf(entry)) || (mine.has(`${name} ${entry}`) && !others.has(`${name} ${entry}`)),
    isOfOld: (entry: SetEntry) => old.has(placeOf(entry)),
  };
}

function allEntries({ entries, nodePorts }: IpvsUnit): readonly UnitEntry[] {
  return [...entries, ...nodePorts.entries];
}

/**
 * The Service ports whose entry, address or virtual server a line of a script is about; none for a line of no Service port.
 * Several Service ports can share one address, or one port of the node: then any of them may be at fault.
 */
export function ownersOfLine(line: string, desired: IpvsProgram): readonly ServicePortId[] {
  for (const [key, owner] of desired.owners) {
    const server = desired.servers.get(key);
    if (server === undefined) continue;
    const entry = frontendEntry(server);
    if (line.endsWith(` ${entry}`) || line.includes(` ${entry},`)) return [owner];
    if (line.includes(`--vaddr ${server.address} --vport ${server.port} `)) return [owner];
  }
  const [verb, first = '', second = ''] = line.split(' ');
  const isOwner: ((unit: IpvsUnit) => boolean) | undefined =
    verb === 'bind' || first.toUpperCase() === setName('ipvsIps', desired.family, desired.prefix)
      ? ({ bind }) => bind.some((address) => address === (verb === 'bind' ? first : second))
      : verb === 'add'
        ? (unit) => hasEntry(unit, first, second, desired)
        : undefined;
  return isOwner === undefined ? [] : [...desired.shares].filter(([, unit]) => isOwner(unit)).map(([id]) => id);
}

/** In the set of that name, staged or not. */
function hasEntry(unit: IpvsUnit, name: string, text: string, { family, prefix }: IpvsProgram): boolean {
  return allEntries(unit).some(
    ({ set, entry }) => entry === text && setName(set, family, prefix) === name.toUpperCase(),
  );
}
