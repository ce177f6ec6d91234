import type { Departures } from './departure.ts';
import { realKey } from '../program/ledger.ts';
import type { IpvsProgram } from '../program/program.ts';
import { type Frontend, sameParameters, sameReal, type VirtualServer } from '../program/servers.ts';
import type { ServerEdit } from './steps.ts';

/** Lines for ipvsadm, in the parts that a plan puts in its phases. */
export interface ServerPlan {
  /** New virtual servers at addresses that are bound already, without real servers. */
  readonly empty: readonly ServerEdit[];
  /** Changed parameters; the other new virtual servers; real servers that come or change. */
  readonly filled: readonly ServerEdit[];
  readonly quiesced: readonly ServerEdit[];
  readonly deletedReals: readonly ServerEdit[];
  readonly deleted: readonly ServerEdit[];
}

export function planServers(observed: IpvsProgram, wanted: IpvsProgram, leaving: Departures): ServerPlan {
  const empty: ServerEdit[] = [];
  const filled: ServerEdit[] = [];
  const bound = new Set(observed.addresses);
  for (const [key, server] of wanted.servers) {
    const service = wanted.owners.get(key);
    const before = observed.servers.get(key);
    if (before === undefined) {
      (bound.has(server.address) ? empty : filled).push({ op: 'add-virtual', server, service });
    } else if (!sameParameters(before, server)) {
      filled.push({ op: 'edit-virtual', from: before, to: server, service });
    }
    filled.push(...realEdits(before, server, service));
  }
  const gone = new Set(leaving.gone);
  const leavingEdits = (how: 'quiesce' | 'delete') => leaving.reals.filter((one) => one.how === how);
  return {
    empty,
    filled,
    quiesced: leavingEdits('quiesce').map(({ server, real }) => ({
      op: 'edit-real',
      of: frontendOf(server),
      from: real,
      to: { ...real, weight: 0 },
      service: undefined,
    })),
    // Those of a virtual server that goes are deleted with it, and come first so that undoing puts them back.
    deletedReals: leavingEdits('delete').map(({ server, real }) => ({
      op: 'delete-real',
      of: frontendOf(server),
      real,
      service: undefined,
    })),
    deleted: [...gone].map((server) => ({ op: 'delete-virtual', server, service: undefined })),
  };
}

function frontendOf({ protocol, address, port }: VirtualServer): Frontend {
  return { protocol, address, port };
}

/** New ones, and those that differ: one that comes back while it drains is raised in its place. */
function realEdits(
  before: VirtualServer | undefined,
  server: VirtualServer,
  service: ServerEdit['service'],
): readonly ServerEdit[] {
  const of = frontendOf(server);
  const known = new Map(before?.reals.map((real) => [realKey(server, real), real]));
  return server.reals.flatMap((real): ServerEdit[] => {
    const found = known.get(realKey(server, real));
    if (found === undefined) return [{ op: 'add-real', of, real, service }];
    return sameReal(found, real) ? [] : [{ op: 'edit-real', of, from: found, to: real, service }];
  });
}
