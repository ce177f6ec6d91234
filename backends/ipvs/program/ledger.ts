import type { ChainPrefix } from '../../../compiler/settings.ts';
import type { Family } from '../../../compiler/values/address.ts';
import { parseAddress } from '../../../compiler/values/address.ts';
import { type Protocol, parsePort, parseProtocol } from '../../../compiler/values/port.ts';
import type { SetName } from '../../netfilter/rule.ts';
import { endpointText } from '../../../compiler/ir/ir.ts';
import type { RealKey } from './program.ts';
import { type RealServer, type ServerKey, serverKey, type VirtualServer } from './servers.ts';
import { familyName, frontendEntry, type IpSet, type SetEntry, setDefinition, sourceEntry } from './sets.ts';

/**
 * What a restarted agent must know and IPVS cannot keep, kept in the kernel as two sets:
 *
 *   SLICEWRIGHT-FRONTENDS   virtual servers that slicewright made. An entry is added before its virtual
 *                           server and deleted after it, so a server in IPVS that is not in the
 *                           set belongs to another program and is never touched.
 *   SLICEWRIGHT-DRAINING    real servers that lost their Service and keep their connections: an
 *                           entry is added before its weight becomes 0, and the kernel forgets it
 *                           when the time for it is over. It names no port of the real server: two
 *                           on one address that leave one virtual server share the later time.
 *
 * Under a prefix of slicewright's own they begin with that prefix.
 */
const ledgerNames = { frontends: 'SLICEWRIGHT-FRONTENDS', draining: 'SLICEWRIGHT-DRAINING' } as const;

/** How long connections may go on after their endpoint left. As long as IPVS keeps an idle TCP connection. */
export const drainSeconds = 900;

export function frontendsName(family: Family, prefix: ChainPrefix): SetName {
  return familyName(ledgerNames.frontends, family, prefix);
}

export function drainingName(family: Family, prefix: ChainPrefix): SetName {
  return familyName(ledgerNames.draining, family, prefix);
}

export function frontendsSet(family: Family, entries: readonly SetEntry[], prefix: ChainPrefix): IpSet {
  const definition = setDefinition('hash:ip,port', family, entries.length);
  return { name: frontendsName(family, prefix), definition, entries };
}

export function drainingSet(family: Family, prefix: ChainPrefix): IpSet {
  const definition = `${setDefinition('hash:ip,port,ip', family, 0)} timeout ${drainSeconds}`;
  return { name: drainingName(family, prefix), definition, entries: [] };
}

export function ledgerEntry(server: VirtualServer): SetEntry {
  return frontendEntry(server);
}

export function drainingEntry(
  server: Pick<VirtualServer, 'address' | 'port' | 'protocol'>,
  real: RealServer,
): SetEntry {
  return sourceEntry(server, real.address);
}

/** `10.96.0.1,tcp:80` → the virtual server of that name; undefined for entries that slicewright never writes. */
export function parseLedgerEntry(entry: SetEntry): ServerKey | undefined {
  const match = /^([^,]+),([a-z]+):(\d+)$/.exec(entry);
  const address = parseAddress(match?.[1]);
  const protocol: Protocol | undefined = parseProtocol(match?.[2]?.toUpperCase());
  const port = parsePort(Number(match?.[3]));
  return address && protocol && port && serverKey({ address, protocol, port });
}

export function realKey(
  server: Pick<VirtualServer, 'protocol' | 'address' | 'port'>,
  real: Pick<RealServer, 'address' | 'port'>,
): RealKey {
  return `${serverKey(server)}/${endpointText(real)}`;
}
