import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { servicePortText } from '../../../compiler/values/names.ts';
import type { FoundFrontend, Side } from '../../planning/traffic.ts';
import { parameterWords, realWords } from '../program/print.ts';
import type { IpvsProgram } from '../program/program.ts';
import { type ServerKey, serverKey, type VirtualServer } from '../program/servers.ts';
import { frontendEntry, type SetEntry, type SetId, setName } from '../program/sets.ts';
import { traceProgram } from '../program/trace.ts';

/** What virtual servers and the rules around them do with packets. */
export function ipvsSide(program: IpvsProgram, services: readonly ServicePortIR[], node: NodeContext): Side {
  return {
    frontends: serverFrontends(program, services, node),
    // Virtual servers answer, whatever rules there are.
    entry: '',
    verdictOf: (packet) => traceProgram(program, packet, node, { brief: true }).verdict,
  };
}

/** In which set a frontend of each kind is. */
const kindSets: readonly (readonly [SetId, FoundFrontend['kind']])[] = [
  ['clusterIp', 'cluster IP'],
  ['loadBalancer', 'loadbalancer IP'],
  ['externalIp', 'external IP'],
  ['externalIpLocal', 'external IP'],
];

/**
 * The frontends of a program by the keys of `findFrontends`, so that they compare with those of
 * rules. One node port is one frontend, whatever number of the node's addresses it is served on.
 */
function serverFrontends(
  program: IpvsProgram,
  services: readonly ServicePortIR[],
  node: NodeContext,
): ReadonlyMap<string, FoundFrontend> {
  const entries = (id: SetId) =>
    new Set<SetEntry>(program.sets.get(setName(id, program.family, program.prefix))?.entries);
  const kinds = kindSets.map(([id, kind]) => ({ kind, known: entries(id) }));
  const setsOf = entryIndex(program);
  const nameOf = createNames(program, services, node);
  const found = new Map<string, FoundFrontend>();
  for (const server of program.servers.values()) {
    const entry = frontendEntry(server);
    const kind = kinds.find(({ known }) => known.has(entry))?.kind ?? 'node port';
    const address = kind === 'node port' ? undefined : server.address;
    const servicePort = nameOf(server);
    const key = `${servicePort} ${server.protocol} ${address ?? 'node'} ${server.port}`;
    const earlier = found.get(key);
    const rules = [...linesOf(server), ...(setsOf.get(entry) ?? [])].join('\n');
    found.set(key, {
      servicePort,
      kind,
      address,
      protocol: server.protocol,
      port: server.port,
      allowedFrom: undefined,
      rules: earlier === undefined ? rules : `${earlier.rules}\n${rules}`,
    });
  }
  return found;
}

/** Sets by the frontend that their entries are about, with what else the entry says. */
function entryIndex({ sets }: IpvsProgram): ReadonlyMap<string, readonly string[]> {
  const index = new Map<string, string[]>();
  for (const { name, entries } of sets.values()) {
    for (const entry of entries) {
      const frontend = entry.split(',', 2).join(',');
      const known = index.get(frontend);
      if (known === undefined) index.set(frontend, [`${name} ${entry}`]);
      else known.push(`${name} ${entry}`);
    }
  }
  return index;
}

/** Nothing in a kernel says whose a virtual server is: the objects do, for as long as they have it. */
const nobodys = 'Services that are gone';

function createNames(
  { owners }: IpvsProgram,
  services: readonly ServicePortIR[],
  { nodeIP, addresses }: NodeContext,
): (server: VirtualServer) => string {
  const byId = new Map(services.map((ir) => [ir.id, servicePortText(ir.service, ir.portName)]));
  const byFrontend = new Map<ServerKey, string>();
  const nodes = new Set([nodeIP, ...addresses]);
  for (const { service, portName, protocol, frontends } of services) {
    for (const frontend of frontends) {
      const at = frontend.kind === 'nodePort' ? [...nodes] : [frontend.address];
      for (const address of at) {
        const key = serverKey({ address, port: frontend.port, protocol });
        if (!byFrontend.has(key)) byFrontend.set(key, servicePortText(service, portName));
      }
    }
  }
  return (server) => {
    const key = serverKey(server);
    const owner = owners.get(key);
    return (owner && byId.get(owner)) ?? byFrontend.get(key) ?? nobodys;
  };
}

/** As ipvsadm saves it. */
export function linesOf(server: VirtualServer): string[] {
  return [`-A ${parameterWords(server)}`, ...server.reals.map((real) => `-a ${realWords(server, real)}`)];
}
