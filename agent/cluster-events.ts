import { formatDiagnostic } from '../compiler/values/diagnostic.ts';
import { printable } from '../compiler/values/object-ref.ts';
import { readOnlySysfs } from './node/hash-size.ts';
import type { Report } from './report.ts';
import type { ApiPost } from './sources/api.ts';

/** An Event of the core API, as `kubectl describe` shows it. */
interface ClusterEvent {
  readonly reason: string;
  readonly type: 'Normal' | 'Warning';
  readonly message: string;
  readonly object: { readonly kind: 'Service' | 'Node'; readonly namespace?: string; readonly name: string };
}

/** The API server cuts no message; it refuses longer ones. */
const maxMessage = 1_000;
/** In flight at a time. More at once say nothing that those did not say. */
const maxInFlight = 5;

/**
 * Tells the API server what people look for at the object: that this node's kernel refuses a
 * Service, and that it takes it again; at the Node, what kube-proxy says there too.
 *
 * Telling is worth one try and no more: rules never wait for it.
 *
 * onFailure   told of an Event that the API server did not take
 */
export function clusterEventsListener(
  post: ApiPost,
  { nodeName, wallMs }: { readonly nodeName: string; readonly wallMs: () => number },
  onFailure: (problem: string) => void,
): Report {
  let inFlight = 0;
  let told = 0;

  async function send({ reason, type, message, object }: ClusterEvent): Promise<void> {
    const namespace = object.namespace ?? 'default';
    const time = new Date(wallMs()).toISOString().replace(/\.\d+Z$/, 'Z');
    const body = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace, name: `${object.name}.${wallMs().toString(16)}${(told++).toString(16)}` },
      involvedObject: { apiVersion: 'v1', ...object },
      reason,
      type,
      message: printable(message, maxMessage),
      source: { component: 'slicewright', host: nodeName },
      reportingComponent: 'slicewright',
      reportingInstance: nodeName,
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
    };
    const status = await post(`/api/v1/namespaces/${namespace}/events`, body, AbortSignal.timeout(10_000));
    if (status >= 300) throw new Error(`the API server answered ${status}`);
  }

  return (event) => {
    const said = eventFor(event, nodeName);
    if (said === undefined || inFlight >= maxInFlight) return;
    inFlight++;
    send(said)
      .catch((error: unknown) => onFailure(error instanceof Error ? error.message : String(error)))
      .finally(() => inFlight--);
  };
}

function eventFor(event: Parameters<Report>[0], nodeName: string): ClusterEvent | undefined {
  if (event.kind === 'ready') {
    const object = { kind: 'Node', name: nodeName } as const;
    return { reason: 'Starting', type: 'Normal', message: 'slicewright follows the Services of this node', object };
  }
  if (event.kind === 'prepared') {
    const problem = event.problems.find(({ code }) => code === readOnlySysfs);
    if (problem === undefined) return undefined;
    const object = { kind: 'Node', name: nodeName } as const;
    return { reason: 'readOnlySysFS', type: 'Warning', message: formatDiagnostic(problem), object };
  }
  if (event.kind !== 'quarantined' && event.kind !== 'released') return undefined;
  const [key = '', port] = event.service.split(':');
  const [namespace = '', name = ''] = key.split('/');
  const object = { kind: 'Service', namespace, name } as const;
  const which = port === undefined ? '' : ` of port ${port}`;
  const where = `node ${nodeName} (${event.family})`;
  if (event.kind === 'released') {
    const message = `the kernel of ${where} takes the rules${which} again`;
    return { reason: 'ServiceRulesAccepted', type: 'Normal', message, object };
  }
  const message = `the kernel of ${where} refuses the rules${which}; the previous ones stay in force: ${event.message}`;
  return { reason: 'ServiceRulesRefused', type: 'Warning', message, object };
}
