import { drainingEntry, realKey } from '../program/ledger.ts';
import type { Found, IpvsProgram } from '../program/program.ts';
import type { RealServer, VirtualServer } from '../program/servers.ts';
import type { SetEntry } from '../program/sets.ts';

/**
 * How a real server leaves that is no longer wanted.
 *
 *   quiesce   it gets weight 0: no new connections, established ones go on
 *   wait      it has weight 0 and connections, and time left for them
 *   delete    it is unused: its last connection is gone, or its time is up
 *
 * A real server is deleted only when it was *found* with weight 0 and without connections, so no
 * connection can begin between the look and the deletion. That takes two plans; the second comes
 * as soon as the first was performed. All of it is read from the kernel, so a restart changes nothing.
 */
export type Departure = 'quiesce' | 'wait' | 'delete';

export function departureOf(server: VirtualServer, real: RealServer, found: Found): Departure {
  // UDP has no connections to end. What IPVS remembers of one goes with its next packet (expire_nodest_conn).
  if (server.protocol === 'UDP') return 'delete';
  if (real.weight > 0) return 'quiesce';
  const connections = found.connections.get(realKey(server, real)) ?? 0;
  return connections > 0 && found.draining.has(drainingEntry(server, real)) ? 'wait' : 'delete';
}

/** Real servers that are on their way out, per virtual server, and virtual servers that wait for them. */
export interface Departures {
  /** Real servers of virtual servers that are wanted and of those that are not. */
  readonly reals: readonly { readonly server: VirtualServer; readonly real: RealServer; readonly how: Departure }[];
  /** Not wanted, and kept with address and entries while a real server of theirs is not deleted. */
  readonly kept: readonly VirtualServer[];
  /** Not wanted, and free to go. */
  readonly gone: readonly VirtualServer[];
  /** Real servers that may keep their connections, once the departures have begun. */
  readonly draining: ReadonlySet<SetEntry>;
}

export function departures(observed: IpvsProgram, desired: IpvsProgram, found: Found): Departures {
  const reals: Departures['reals'][number][] = [];
  const kept: VirtualServer[] = [];
  const gone: VirtualServer[] = [];
  for (const [key, server] of observed.servers) {
    const wanted = new Set(desired.servers.get(key)?.reals.map((real) => realKey(server, real)));
    const leaving = server.reals
      .filter((real) => !wanted.has(realKey(server, real)))
      .map((real) => ({ server, real, how: departureOf(server, real, found) }));
    reals.push(...leaving);
    if (desired.servers.has(key)) continue;
    if (leaving.every(({ how }) => how === 'delete')) gone.push(server);
    else kept.push(server);
  }
  const staying = reals.filter(({ how }) => how !== 'delete');
  return { reals, kept, gone, draining: new Set(staying.map(({ server, real }) => drainingEntry(server, real))) };
}

/** Virtual servers whose connections decide now whether a real server stays or goes. */
export function undecided(observed: IpvsProgram, desired: IpvsProgram, found: Found): readonly VirtualServer[] {
  const asked = departures(observed, desired, found).reals.filter(
    ({ server, real }) =>
      server.protocol !== 'UDP' && real.weight === 0 && found.draining.has(drainingEntry(server, real)),
  );
  return [...new Set(asked.map(({ server }) => server))];
}

/**
 * Real servers that wait for their connections, with the seconds that they have left. Worth another
 * look while there are any; 0 for those that are only waiting to be looked at.
 */
export function drainingReals(
  observed: IpvsProgram,
  desired: IpvsProgram,
): ReadonlyMap<string, { readonly connections: number; readonly secondsLeft: number }> {
  const { found } = observed;
  if (found === undefined) return new Map();
  return new Map(
    departures(observed, desired, found).reals.map(({ server, real }) => [
      realKey(server, real),
      {
        connections: found.connections.get(realKey(server, real)) ?? 0,
        secondsLeft: found.draining.get(drainingEntry(server, real)) ?? 0,
      },
    ]),
  );
}
