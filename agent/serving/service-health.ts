import { createServer, type Server } from 'node:http';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import { compareText, type ServiceKey } from '../../compiler/values/names.ts';
import type { Port } from '../../compiler/values/port.ts';
import type { HealthBinding } from './health-bindings.ts';

/** What a load balancer asks about one Service on this node. */
export interface ServiceHealth {
  readonly service: ServiceKey;
  readonly port: Port;
  /** Ready endpoints on this node, by address: an endpoint behind two ports counts once. */
  readonly localEndpoints: number;
}

/**
 * The answers that the health check node ports of Services give, one per Service.
 *
 * services   of one family or both: load balancers ask per node, and an endpoint that answers in
 *            either family makes the node worth sending to
 * source     spec/iptables.md 24.1
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

export interface HealthAnswerOfService {
  readonly status: 200 | 503;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** kube-proxy's answer to the letter: load balancers' health checks have been written against it. */
export function answerHealthCheck(health: ServiceHealth, proxyHealthy: boolean): HealthAnswerOfService {
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
      'x-content-type-options': 'nosniff',
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

/** The listeners of all health check node ports; one a Service, shared by both families. */
export interface ServiceHealthServers {
  /** Opens, closes and answers as these say. What could not be opened is tried again the next time. */
  sync(healths: readonly ServiceHealth[]): Promise<readonly ListenFailure[]>;
  close(): Promise<void>;
}

/** bindings: where to listen, asked at each sync. */
export function createServiceHealthServers(
  isProxyHealthy: () => boolean,
  bindings: () => readonly HealthBinding[],
): ServiceHealthServers {
  const open = new Map<
    ServiceKey,
    { readonly port: Port; readonly places: string; readonly servers: readonly Server[] }
  >();
  let current = new Map<ServiceKey, ServiceHealth>();

  async function openFor(service: ServiceKey, port: Port, wanted: readonly HealthBinding[]): Promise<void> {
    const servers: Server[] = [];
    for (const binding of wanted) {
      const server = createServer((_request, response) => {
        const health = current.get(service);
        const { status, headers, body } = answerHealthCheck(
          health ?? { service, port, localEndpoints: 0 },
          isProxyHealthy(),
        );
        response.writeHead(status, headers).end(body);
      });
      servers.push(server);
      try {
        await listen(server, port, binding);
      } catch (error) {
        await Promise.all(servers.map(closeServer));
        throw error;
      }
    }
    open.set(service, { port, places: placesText(wanted), servers });
  }

  return {
    async sync(healths) {
      current = new Map(healths.map((health) => [health.service, health]));
      const wanted = bindings();
      for (const [service, { port, places, servers }] of open) {
        if (current.get(service)?.port === port && places === placesText(wanted)) continue;
        open.delete(service);
        await Promise.all(servers.map(closeServer));
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
      await Promise.all([...open.values()].flatMap(({ servers }) => servers).map(closeServer));
      open.clear();
    },
  };
}

function placesText(bindings: readonly HealthBinding[]): string {
  return JSON.stringify(bindings);
}

function listen(server: Server, port: number, binding: HealthBinding): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...binding }, () => resolve());
  });
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
