import { endpointText, type Frontend, type ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { servicePortText } from '../../../compiler/values/names.ts';
import { type FoundFrontend, nobodys } from '../../planning/side.ts';
import type { IpvsProgram } from '../program/program.ts';
import { type ServerKey, serverKey, type VirtualServer } from '../program/servers.ts';

export type NameOf = (
  server: Pick<VirtualServer, 'address' | 'port' | 'protocol' | 'reals'>,
  kind: FoundFrontend['kind'],
) => string;

/** A kernel does not show which Service a virtual server belongs to: the objects do, for as long as they have it. */
export function createNames(program: IpvsProgram, services: readonly ServicePortIR[], node: NodeContext): NameOf {
  const byId = new Map(services.map((ir) => [ir.id, nameOf(ir)]));
  const byFrontend = namesByFrontend(services, node);
  let moved: NameOf | undefined;
  return (server, kind) => {
    const key = serverKey(server);
    const owner = program.owners.get(key);
    const name = (owner && byId.get(owner)) ?? byFrontend.get(key);
    if (name !== undefined) return name;
    moved ??= createMovedNames(program, services, node);
    return moved(server, kind);
  };
}

function nameOf({ service, portName }: ServicePortIR): string {
  return servicePortText(service, portName);
}

function namesByFrontend(services: readonly ServicePortIR[], node: NodeContext): ReadonlyMap<ServerKey, string> {
  const names = new Map<ServerKey, string>();
  for (const ir of services) {
    for (const key of ir.frontends.flatMap((frontend) => serverKeys(ir, frontend, node))) {
      if (!names.has(key)) names.set(key, nameOf(ir));
    }
  }
  return names;
}

/** The virtual servers of a frontend: of a node port, one for each address of the node. */
function serverKeys({ protocol }: ServicePortIR, frontend: Frontend, { nodeIP, addresses }: NodeContext): ServerKey[] {
  const at = frontend.kind === 'nodePort' ? [...new Set([nodeIP, ...addresses])] : [frontend.address];
  return at.map((address) => serverKey({ address, port: frontend.port, protocol }));
}

const frontendKinds: Readonly<Record<Frontend['kind'], FoundFrontend['kind']>> = {
  clusterIP: 'cluster IP',
  clusterSetIP: 'clusterset IP',
  externalIP: 'external IP',
  loadBalancerIP: 'loadbalancer IP',
  nodePort: 'node port',
};

/**
 * Names of virtual servers whose frontend moves. Such a server no longer belongs to a Service, has the endpoints of exactly
 * one Service port, and that Service port has a frontend of the same kind that the kernel lacks.
 */
function createMovedNames(program: IpvsProgram, services: readonly ServicePortIR[], node: NodeContext): NameOf {
  const byEndpoint = new Map<string, Set<ServicePortIR>>();
  const coming = new Set<string>();
  for (const ir of services) {
    for (const endpoint of [...ir.pools.cluster, ...ir.pools.local, ...ir.known]) {
      const key = `${ir.protocol} ${endpointText(endpoint)}`;
      const known = byEndpoint.get(key);
      if (known === undefined) byEndpoint.set(key, new Set([ir]));
      else known.add(ir);
    }
    for (const frontend of ir.frontends) {
      const isThere = serverKeys(ir, frontend, node).some((key) => program.servers.has(key));
      if (!isThere) coming.add(`${ir.id} ${frontendKinds[frontend.kind]}`);
    }
  }
  return ({ protocol, reals }, kind) => {
    const [first, ...rest] = reals.map((real) => byEndpoint.get(`${protocol} ${endpointText(real)}`));
    const [only, ...others] = [...(first ?? [])].filter(
      (ir) => coming.has(`${ir.id} ${kind}`) && rest.every((all) => all?.has(ir) === true),
    );
    return only === undefined || others.length > 0 ? nobodys : nameOf(only);
  };
}
