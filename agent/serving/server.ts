import { createServer, type Server } from 'node:http';
import type { BindAddress } from './bind-address.ts';
import type { HealthAnswer, ProxyHealth } from './health.ts';
import type { Metrics } from './metrics.ts';

export interface RunningServer {
  /** The port in use, where 0 was asked for. */
  readonly port: number;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

type Route = () => Answer | Promise<Answer>;

/** `/healthz` and `/livez`, for probes and load balancers. */
export function serveHealth(bind: BindAddress, health: ProxyHealth, metrics: Metrics): Promise<RunningServer> {
  return serve(bind, {
    '/healthz': () => counted(metrics, 'healthz', health.healthz()),
    '/livez': () => counted(metrics, 'livez', health.livez()),
  });
}

function counted(metrics: Metrics, type: 'healthz' | 'livez', { status, body }: HealthAnswer): Answer {
  metrics[type].inc({ code: String(status) });
  const check = { name: 'proxy', type };
  metrics.healthcheck.set(check, status === 200 ? 1 : 0);
  metrics.healthchecks.inc({ ...check, status: status === 200 ? 'success' : 'error' });
  return { status, type: 'application/json', body };
}

export interface Insight {
  readonly mode: string;
  /** For `slicewright status`, as JSON. */
  readonly status: () => unknown;
  readonly config: unknown;
}

/** Metrics alone, for who reads them from elsewhere. */
export function serveScrapes(bind: BindAddress, metrics: Metrics): Promise<RunningServer> {
  return serve(bind, { '/metrics': () => exposition(metrics.registry) });
}

async function exposition(registry: Metrics['registry']): Promise<Answer> {
  return { status: 200, type: registry.contentType, body: await registry.metrics() };
}

/** Metrics, and what the agent knows of itself. Loopback unless configured otherwise. */
export function serveMetrics(bind: BindAddress, metrics: Metrics, insight: Insight): Promise<RunningServer> {
  const json = (value: unknown): Answer => ({ status: 200, type: 'application/json', body: JSON.stringify(value) });
  const text = (body: string): Answer => ({ status: 200, type: 'text/plain; charset=utf-8', body });
  return serve(bind, {
    '/metrics': () => exposition(metrics.registry),
    '/metrics/slis': () => exposition(metrics.slis),
    '/proxyMode': () => text(insight.mode),
    '/healthz': () => text('ok'),
    '/configz': () => json({ 'kubeproxy.config.k8s.io': insight.config }),
    '/slicewright/status': () => json(insight.status()),
  });
}

async function serve(bind: BindAddress, routes: Readonly<Record<string, Route>>): Promise<RunningServer> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://agent').pathname;
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    const answered = Promise.resolve(
      route?.() ?? { status: 404, type: 'text/plain; charset=utf-8', body: 'not found\n' },
    );
    answered.then(
      ({ status, type, body }) => {
        response.writeHead(status, { 'content-type': type, 'x-content-type-options': 'nosniff' }).end(body);
      },
      // A gauge that cannot be read must not end the process.
      () => response.writeHead(500, { 'x-content-type-options': 'nosniff' }).end(),
    );
  });
  await listen(server, bind);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : bind.port,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server, { host, port }: BindAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
}
