import { printable } from '../../compiler/values/object-ref.ts';
import { createEventLimiter, type CountedEvent, type EventLimiter } from './event-limiter.ts';
import { eventTeller } from './event-texts.ts';
import type { Report } from './agent-event.ts';
import type { ApiPost } from '../sources/api.ts';

/** The API server cuts no message; it refuses longer ones. */
const maxMessage = 1_000;
/** Names of objects have at most 253 characters; that of an Event has a suffix. */
const maxName = 220;
/** In flight at a time. More at once say nothing that those did not say. */
const maxInFlight = 5;

const apiVersions: Readonly<Record<string, string>> = {
  Service: 'v1',
  Node: 'v1',
  ServiceImport: 'multicluster.x-k8s.io/v1alpha1',
};

/**
 * Tells the API server what people look for at the object: on a Service that this node's kernel refuses it or
 * that its health check node port cannot be opened, on the Node what befell its rules and which clusters are lost.
 *
 * Events of the core API, and only made, never changed: one verb of one resource is all that it takes. `kubectl events`
 * shows them, `kubectl describe` only those on the Node: elsewhere it asks for the object's uid, which is not kept.
 * Telling is worth one try and no more: rules never wait for it.
 *
 * onFailure   told of an Event that the API server did not take
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
    // Times of the limiter are of a clock that does not jump.
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
        // By this `kubectl describe node` finds what the node's own agents say.
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
