import type { Frontend, ServicePortIR } from '../ir/ir.ts';
import type { IpAddress } from '../values/address.ts';
import type { Port, Protocol } from '../values/port.ts';

export interface OwnedFrontend {
  readonly service: ServicePortIR;
  readonly frontend: Frontend;
  /** Position among all frontends: earlier ones are asked first. */
  readonly order: number;
}

/** Finds the frontends at an address and port without asking every Service. */
export interface FrontendIndex {
  /** Frontends with this address, in order. */
  atAddress(protocol: Protocol, address: IpAddress, port: Port): readonly OwnedFrontend[];
  /** Frontends with this port of the node, in order. */
  atNodePort(protocol: Protocol, port: Port): readonly OwnedFrontend[];
  isHealthCheckPort(port: Port): boolean;
}

/** services: of one family, in the order in which they are asked. */
export function indexFrontends(services: readonly ServicePortIR[]): FrontendIndex {
  const frontends = new Map<string, OwnedFrontend[]>();
  const healthCheckPorts = new Set<Port>();
  /** Most look-ups are for addresses of endpoints, thousands of them, which are no frontend. */
  const addresses = new Set<string>();
  let order = 0;
  for (const service of services) {
    if (service.healthCheckNodePort !== undefined) healthCheckPorts.add(service.healthCheckNodePort);
    for (const frontend of service.frontends) {
      const address = frontend.kind === 'nodePort' ? '*' : frontend.address;
      addresses.add(address);
      const key = frontendKey(service.protocol, address, frontend.port);
      const owned = { service, frontend, order: order++ };
      const others = frontends.get(key);
      if (others === undefined) frontends.set(key, [owned]);
      else others.push(owned);
    }
  }
  return {
    atAddress: (protocol, address, port) =>
      addresses.has(address) ? (frontends.get(frontendKey(protocol, address, port)) ?? nobody) : nobody,
    atNodePort: (protocol, port) => frontends.get(frontendKey(protocol, '*', port)) ?? nobody,
    isHealthCheckPort: (port) => healthCheckPorts.has(port),
  };
}

const nobody: readonly OwnedFrontend[] = [];

function frontendKey(protocol: Protocol, address: string, port: Port): string {
  return `${protocol} ${address} ${port}`;
}
