import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import { compareText, type ServiceKey } from '../../compiler/values/names.ts';
import type { Port } from '../../compiler/values/port.ts';
import { connectionsUpTo } from './connections.ts';
import type { HealthBinding } from './health-bindings.ts';
import { type Answer, listenerLimits, openListener, type RunningServer } from './listener.ts';

/** The facts for a load balancer's question about one Service on this node. */
export interface ServiceHealth {
  readonly service: ServiceKey;
  readonly port: Port;
  /** Ready endpoints on this node, by address: an endpoint behind two ports counts once. */
  readonly localEndpoints: number;
}

/**
 * The answers of the health check node ports, one per Service.
 *
 * services   of one family or both: load balancers ask per node, and an endpoint that answers in
 *            either family makes the node worth sending to
 * source     IPT-24.1
 */
export function serviceHealths(services: readonly ServicePortIR[]): ServiceHealth[] {
  const found = new Map<ServiceKey, { readonly port: Port; readonly addresses: Set<string> }>();
  for (const { service, healthCheckNodePort, known } of services) {
    if (healthCheckNodePort === undefined) continue;
    const health = found.get(service) ?? { port: healthCheckNodePort, addresses: new Set<string>() };
    found.set(service, health);
    for (const { address, local, ready } of known) if (local && ready) health.addresses.add(address);
  }
  return [...found]
    .sort(([a], [b]) => compareText(a, b))
    .map(([service, { port, addresses }]) => ({ service, port, localEndpoints: addresses.size }));
}

/** kube-proxy's answer, byte for byte: load balancers' health checks rely on it. */
export function answerHealthCheck(health: ServiceHealth, proxyHealthy: boolean): Answer {
  const [namespace, name] = health.service.split('/');
  const body = {
    service: { namespace, name },
    localEndpoints: health.localEndpoints,
    serviceProxyHealthy: proxyHealthy,
  };
  return {
    status: health.localEndpoints > 0 && proxyHealthy ? 200 : 503,
    headers: {
      'content-type': 'application/json',
      'x-load-balancing-endpoint-weight': String(health.localEndpoints),
    },
    body: JSON.stringify(body, undefined, '\t'),
  };
}

/** A port that could not be opened, for an Event on the Service. */
export interface ListenFailure {
  readonly service: ServiceKey;
  readonly port: Port;
  readonly problem: string;
}

/** The listeners of all health check node ports; one per Service, shared by both families. */
export interface ServiceHealthServers {
  /** Opens and closes ports and sets answers as given. A port that could not be opened is tried again the next time. */
  sync(healths: readonly ServiceHealth[]): Promise<readonly ListenFailure[]>;
  close(): Promise<void>;
}

/** bindings: where to listen, called at each sync. */
export function createServiceHealthServers(
  isProxyHealthy: () => boolean,
  bindings: () => readonly HealthBinding[],
): ServiceHealthServers {
  const open = new Map<
    ServiceKey,
    { readonly port: Port; readonly places: string; readonly servers: readonly RunningServer[] }
  >();
  let current = new Map<ServiceKey, ServiceHealth>();

  /** Shared by all ports: a client that reaches one of them can mostly reach all. */
  const connections = connectionsUpTo(listenerLimits.connections);

  async function openFor(service: ServiceKey, port: Port, wanted: readonly HealthBinding[]): Promise<void> {
    const answering = (): Answer =>
      answerHealthCheck(current.get(service) ?? { service, port, localEndpoints: 0 }, isProxyHealthy());
    const servers: RunningServer[] = [];
    try {
      for (const binding of wanted) {
        servers.push(await openListener({ port, ...binding }, answering, { methods: 'any', connections }));
      }
    } catch (error) {
      await closeAll(servers);
      throw error;
    }
    open.set(service, { port, places: placesText(wanted), servers });
  }

  return {
    async sync(healths) {
      current = new Map(healths.map((health) => [health.service, health]));
      // On most nodes no Service wants a port, and finding the bindings reads the state of the whole node.
      if (open.size === 0 && healths.length === 0) return [];
      const wanted = bindings();
      for (const [service, { port, places, servers }] of open) {
        if (current.get(service)?.port === port && places === placesText(wanted)) continue;
        open.delete(service);
        await closeAll(servers);
      }
      const failures: ListenFailure[] = [];
      for (const { service, port } of healths) {
        if (open.has(service)) continue;
        try {
          await openFor(service, port, wanted);
        } catch (error) {
          failures.push({ service, port, problem: error instanceof Error ? error.message : String(error) });
        }
      }
      return failures;
    },
    async close() {
      await closeAll([...open.values()].flatMap(({ servers }) => servers));
      open.clear();
    },
  };
}

function placesText(bindings: readonly HealthBinding[]): string {
  return JSON.stringify(bindings);
}

async function closeAll(servers: readonly RunningServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.close()));
}
