import type { BindAddress } from '../../agent/serving/bind-address.ts';
import { type Answer, openListener, placeOfBind, plain, type RunningServer } from '../../agent/serving/listener.ts';
import type { ControllerMetrics } from '../metrics.ts';
import { type ControllerStatus, setGauges } from '../status.ts';

/** What the controller's listener shows. */
export interface Serving {
  readonly status: () => ControllerStatus;
  /** Time since the loop's last round. */
  readonly standsStillMs: () => number;
}

const stuckMs = 60_000;

/** Opens the listener for probes, metrics and status. */
export function serveController(
  bind: BindAddress,
  metrics: ControllerMetrics,
  { status, standsStillMs }: Serving,
): Promise<RunningServer> {
  const answering = (path: string): Answer | Promise<Answer> => {
    switch (path) {
      case '/livez':
        // Healthy as long as the loop makes rounds. An unreachable cluster is no reason to restart.
        return standsStillMs() < stuckMs ? text(200, 'ok\n') : text(503, 'the loop does not run\n');
      case '/readyz':
        return status().isStarted ? text(200, 'ok\n') : text(503, 'clusters are still being read\n');
      case '/slicewright/status':
        return typed('application/json', JSON.stringify(status()));
      case '/metrics':
        setGauges(metrics, status());
        return metrics.registry.metrics().then((body) => typed(metrics.registry.contentType, body));
      default:
        return plain(404);
    }
  };
  return openListener(placeOfBind(bind), answering, { methods: ['GET', 'HEAD'] });
}

function typed(type: string, body: string, status = 200): Answer {
  return { status, headers: { 'content-type': type }, body };
}

function text(status: number, body: string): Answer {
  return typed('text/plain; charset=utf-8', body, status);
}
