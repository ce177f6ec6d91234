import type { BindAddress } from './bind-address.ts';
import type { HealthAnswer, ProxyHealth } from './health.ts';
import { knowledgePath } from './knowledge.ts';
import { type Answer, openListener, placeOfBind, plain, type RunningServer } from './listener.ts';
import type { Metrics } from './metrics.ts';

/** `/healthz` and `/livez`, for probes and load balancers: with any method, as kube-proxy answers them. */
export function serveHealth(bind: BindAddress, health: ProxyHealth, metrics: Metrics): Promise<RunningServer> {
  const answering = routed({
    '/healthz': () => counted(metrics, 'healthz', health.healthz()),
    '/livez': () => counted(metrics, 'livez', health.livez()),
  });
  return openListener(placeOfBind(bind), answering, { methods: 'any' });
}

function counted(metrics: Metrics, type: 'healthz' | 'livez', { status, body }: HealthAnswer): Answer {
  metrics[type].inc({ code: String(status) });
  const check = { name: 'proxy', type };
  metrics.healthcheck.set(check, status === 200 ? 1 : 0);
  metrics.healthchecks.inc({ ...check, status: status === 200 ? 'success' : 'error' });
  return typed('application/json', body, status);
}

export interface Insight {
  readonly mode: string;
  /** For `slicewright status`, as JSON. */
  readonly status: () => unknown;
  /** For `slicewright top`: each endpoint's share of new connections. */
  readonly shares: () => unknown;
  readonly config: unknown;
  /** For `slicewright explain`: answers the path that follows `knowledgePath`. */
  readonly knowledge: (path: string) => Answer;
  /** The page of Services; absent: it is not served. */
  readonly report?: () => Promise<Answer>;
}

/** Serves metrics alone, for readers on other machines. */
export function serveScrapes(bind: BindAddress, metrics: Metrics): Promise<RunningServer> {
  return openListener(placeOfBind(bind), routed({ '/metrics': () => exposition(metrics.registry) }), {
    methods: reading,
  });
}

async function exposition(registry: Metrics['registry']): Promise<Answer> {
  return typed(registry.contentType, await registry.metrics());
}

/** Serves metrics, and the agent's knowledge. On loopback unless configured otherwise. */
export function serveMetrics(bind: BindAddress, metrics: Metrics, insight: Insight): Promise<RunningServer> {
  const json = (value: unknown): Answer => typed('application/json', JSON.stringify(value));
  const text = (body: string): Answer => typed('text/plain; charset=utf-8', body);
  const answering = routed({
    '/metrics': () => exposition(metrics.registry),
    '/metrics/slis': () => exposition(metrics.slis),
    '/proxyMode': () => text(insight.mode),
    '/healthz': () => text('ok'),
    '/configz': () => json({ 'kubeproxy.config.k8s.io': insight.config }),
    '/slicewright/status': () => json(insight.status()),
    '/slicewright/shares': () => json(insight.shares()),
    ...(insight.report && { '/slicewright/report': insight.report }),
  });
  const answer = (path: string) =>
    path.startsWith(knowledgePath) ? insight.knowledge(path.slice(knowledgePath.length)) : answering(path);
  return openListener(placeOfBind(bind), answer, { methods: reading });
}

type Route = () => Answer | Promise<Answer>;

/** The methods that only read. */
const reading = ['GET', 'HEAD'];

function routed(routes: Readonly<Record<string, Route>>): (path: string) => Answer | Promise<Answer> {
  return (path) => (Object.hasOwn(routes, path) ? routes[path] : undefined)?.() ?? plain(404);
}

function typed(type: string, body: string, status = 200): Answer {
  return { status, headers: { 'content-type': type }, body };
}
