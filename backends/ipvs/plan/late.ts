import type { IpAddress } from '../../../compiler/values/address.ts';
import { drainingName, drainSeconds } from '../program/ledger.ts';
import type { IpvsProgram } from '../program/program.ts';
import { compareEndpoints, sameParameters, sameReal, type ServerKey, type VirtualServer } from '../program/servers.ts';
import type { SetName } from '../../netfilter/rule.ts';
import type { SetEntry } from '../program/sets.ts';

/** Where what is in force is not what is wanted, because it waits for connections to end: nothing on most nodes at most times. */
export interface Late {
  /** As they are in force; undefined: not there. */
  readonly servers: ReadonlyMap<ServerKey, VirtualServer | undefined>;
  /** Whether they are in force. */
  readonly entries: ReadonlyMap<SetName, ReadonlyMap<SetEntry, boolean>>;
  readonly addresses: ReadonlyMap<IpAddress, boolean>;
  /** Until when real servers may keep their connections, by their entries in the ledger. */
  readonly untilMs: ReadonlyMap<SetEntry, number>;
}

export const nothingLate: Late = { servers: new Map(), entries: new Map(), addresses: new Map(), untilMs: new Map() };

/**
 * How what is in force differs from what is wanted.
 *
 * before   what is known of times that run already
 */
export function lateBetween(inForce: IpvsProgram, wanted: IpvsProgram, before: Late, nowMs: number): Late {
  return {
    servers: lateServers(inForce, wanted),
    entries: lateEntries(inForce, wanted),
    addresses: presence(inForce.addresses, wanted.addresses),
    untilMs: times(inForce, before, nowMs),
  };
}

function lateServers({ servers }: IpvsProgram, wanted: IpvsProgram): Late['servers'] {
  const late = new Map<ServerKey, VirtualServer | undefined>();
  for (const key of wanted.servers.keys()) if (!servers.has(key)) late.set(key, undefined);
  for (const [key, server] of servers) {
    const other = wanted.servers.get(key);
    if (other === undefined || !isSame(server, other)) late.set(key, server);
  }
  return late;
}

function isSame(a: VirtualServer, b: VirtualServer): boolean {
  if (a.reals.length !== b.reals.length || !sameParameters(a, b)) return false;
  return a.reals.every((real, i) => {
    const other = b.reals[i];
    return other !== undefined && compareEndpoints(real, other) === 0 && sameReal(real, other);
  });
}

function lateEntries({ sets }: IpvsProgram, wanted: IpvsProgram): Late['entries'] {
  const late = new Map<SetName, ReadonlyMap<SetEntry, boolean>>();
  for (const name of new Set([...sets.keys(), ...wanted.sets.keys()])) {
    const entries = presence(sets.get(name)?.entries ?? [], wanted.sets.get(name)?.entries ?? []);
    if (entries.size > 0) late.set(name, entries);
  }
  return late;
}

/** What only one of the two has: true where it is the first one. */
function presence<Key>(inForce: readonly Key[], wanted: readonly Key[]): ReadonlyMap<Key, boolean> {
  const late = new Map<Key, boolean>();
  const there = new Set(inForce);
  for (const key of wanted) {
    if (!there.delete(key)) late.set(key, false);
  }
  for (const key of there) late.set(key, true);
  return late;
}

/** A time that a reading showed is the kernel's; one that began since is counted from its beginning. */
function times({ family, prefix, found }: IpvsProgram, before: Late, nowMs: number): Late['untilMs'] {
  const entries = found?.ledger.get(drainingName(family, prefix))?.entries ?? [];
  return new Map(
    entries.map((entry) => [
      entry,
      before.untilMs.get(entry) ?? nowMs + (found?.draining.get(entry) ?? drainSeconds) * 1000,
    ]),
  );
}
