import { compareAddresses } from '../../compiler/values/address.ts';
import type { ServicePortId } from '../../compiler/values/names.ts';
import type { IpvsProgram } from './program.ts';
import { compareServers, type ServerKey, type VirtualServer } from './servers.ts';
import { addressEntry, frontendEntry, type IpSet, type SetEntry, setName, withEntries } from './sets.ts';

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
  const kept = back.map(({ address }) => address).filter((address) => oldAddresses.has(address));
  const addresses = [...new Set([...desired.addresses.filter((address) => served.has(address)), ...kept])];
  const isOf = (entry: SetEntry) => out.has(entry.split(',').slice(0, 2).join(','));
  const ipvsIps = setName('ipvsIps', desired.family, desired.prefix);
  const sets = [...desired.sets].map(([name, set]): readonly [typeof name, IpSet] => {
    if (name === ipvsIps) return [name, withEntries(set, addresses.map(addressEntry))];
    const old = before.sets.get(name)?.entries.filter(isOf) ?? [];
    return [name, withEntries(set, [...new Set([...set.entries.filter((entry) => !isOf(entry)), ...old])])];
  });
  return {
    ...desired,
    servers: new Map([...servers].sort(([, a], [, b]) => compareServers(a, b))),
    sets: new Map(sets),
    addresses: addresses.sort(compareAddresses),
  };
}

/** The Service port whose entry or virtual server a line of a script is about; undefined for none. */
export function ownerOfLine(line: string, desired: IpvsProgram): ServicePortId | undefined {
  for (const [key, owner] of desired.owners) {
    const server = desired.servers.get(key);
    if (server === undefined) continue;
    const entry = frontendEntry(server);
    if (line.endsWith(` ${entry}`) || line.includes(` ${entry},`)) return owner;
    if (line.includes(`--vaddr ${server.address} --vport ${server.port} `)) return owner;
  }
  return undefined;
}
