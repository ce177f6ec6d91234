import { printable } from '../../compiler/values/object-ref.ts';
import { createEventLimiter, type CountedEvent, type EventLimiter } from './event-limiter.ts';
import { eventTeller } from './event-texts.ts';
import type { Report } from './agent-event.ts';
import type { ApiPost } from '../sources/api.ts';

/** The API server rejects longer messages. */
const maxMessage = 1_000;
/** Names of objects have at most 253 characters; an Event's name also has a suffix. */
const maxName = 220;
/** Events in flight at a time. Further ones at that moment would add nothing to these. */
const maxInFlight = 5;

const apiVersions: Readonly<Record<string, string>> = {
  Service: 'v1',
  Node: 'v1',
  ServiceImport: 'multicluster.x-k8s.io/v1alpha1',
};

/**
 * Reports as Events what people look for at an object: on a Service, that this node's kernel rejects it or
 * that its health check node port cannot be opened; on the Node, what happened to its rules and which clusters are lost.
 *
 * These are Events of the core API, only created and never changed, so one verb on one resource is enough. `kubectl events`
 * shows them; `kubectl describe` shows only those on the Node, because for others it asks for the object's uid, which is not kept.
 * Each Event is sent once, without a retry: rules never wait for it.
 *
 * onFailure   called for an Event that the API server did not accept
 */
export function clusterEventsListener(
  post: ApiPost,
  facts: { readonly nodeName: string; readonly wallMs: () => number; readonly nowMs: () => number },
  onFailure: (problem: string) => void,
  limiter: EventLimiter = createEventLimiter(),
): Report {
  const { nodeName, wallMs, nowMs } = facts;
  const eventsFor = eventTeller(nodeName);
  let inFlight = 0;
  let told = 0;

  async function send({ object, message, count, firstMs, lastMs, ...event }: CountedEvent): Promise<void> {
    const namespace = object.namespace ?? 'default';
    // The limiter uses a clock that does not jump.
    const time = (ms: number) => new Date(wallMs() - (nowMs() - ms)).toISOString().replace(/\.\d+Z$/, 'Z');
    const body = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: {
        namespace,
        name: `${object.name.slice(0, maxName).replace(/[^a-z0-9]+$/, '')}.${wallMs().toString(16)}${(told++).toString(16)}`,
      },
      involvedObject: {
        apiVersion: apiVersions[object.kind],
        ...object,
        // `kubectl describe node` finds the Events of the node's own agents by this uid.
        ...(object.kind === 'Node' ? { uid: object.name } : {}),
      },
      ...event,
      message: printable(message, maxMessage),
      source: { component: 'slicewright', host: nodeName },
      reportingComponent: 'slicewright',
      reportingInstance: nodeName,
      firstTimestamp: time(firstMs),
      lastTimestamp: time(lastMs),
      count,
    };
    const status = await post(`/api/v1/namespaces/${namespace}/events`, body, AbortSignal.timeout(10_000));
    if (status >= 300) throw new Error(`the API server answered ${status}`);
  }

  return (event) => {
    const now = nowMs();
    const admitted = eventsFor(event).map((said) => limiter.admit(said, now));
    for (const said of [...limiter.due(now), ...admitted]) {
      if (said === undefined || inFlight >= maxInFlight) continue;
      inFlight++;
      send(said)
        .catch((error: unknown) => onFailure(error instanceof Error ? error.message : String(error)))
        .finally(() => inFlight--);
    }
  };
}
