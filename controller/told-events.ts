import type { Fields } from '../compiler/model/fields.ts';
import { printable } from '../compiler/values/object-ref.ts';
import { type CountedEvent, createEventLimiter, type EventLimiter } from '../agent/telling/event-limiter.ts';
import type { Clock } from '../agent/loop/clock.ts';
import { timeText } from './time-text.ts';
import type { DesiredEvent } from './core/draft.ts';
import { idText } from './core/kinds.ts';
import type { Target } from './core/world.ts';

/** An Event in the form in which it is posted. */
export interface OutgoingEvent {
  readonly target: Target;
  readonly path: string;
  readonly object: Fields;
}

/**
 * The Events to send now. A fact about an object that was sent is not sent again until it was untrue in between; a
 * fact that keeps changing is sent with a count, now and then.
 */
export interface ToldEvents {
  news(key: string, events: readonly DesiredEvent[]): readonly OutgoingEvent[];
}

/** The most objects whose sent Events are remembered. */
const maxRemembered = 50_000;
const maxMessage = 1024;

export function createToldEvents(clock: Clock, identity: string): ToldEvents {
  const told = new Map<string, ReadonlySet<string>>();
  const limiters = new Map<Target, EventLimiter>();
  let count = 0;

  function outgoing(
    target: Target,
    apiVersion: string,
    { object, count: times, ...event }: CountedEvent,
  ): OutgoingEvent {
    const namespace = object.namespace ?? 'default';
    const time = timeText(clock.wallMs());
    const name = `${object.name.slice(0, 200).replace(/[^a-z0-9]+$/, '')}.${clock.wallMs().toString(16)}${(count++).toString(16)}`;
    return {
      target,
      path: `/api/v1/namespaces/${namespace}/events`,
      object: {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name, namespace },
        involvedObject: { apiVersion, ...object },
        type: event.type,
        reason: event.reason,
        message: printable(event.message, maxMessage),
        source: { component: 'slicewright-controller' },
        reportingComponent: 'slicewright-controller',
        reportingInstance: identity,
        firstTimestamp: time,
        lastTimestamp: time,
        count: times,
      },
    };
  }

  return {
    news(key, events) {
      const before = told.get(key) ?? new Set<string>();
      const textOf = ({ target, id, reason, message }: DesiredEvent) => `${target} ${idText(id)} ${reason} ${message}`;
      told.delete(key);
      if (events.length > 0) told.set(key, new Set(events.map(textOf)));
      if (told.size > maxRemembered) told.delete([...told.keys()][0] ?? '');
      return events
        .filter((event) => !before.has(textOf(event)))
        .flatMap(({ target, id, type, reason, message }) => {
          const limiter = limiters.get(target) ?? createEventLimiter();
          limiters.set(target, limiter);
          const { namespace, name, kind, group } = id;
          const object = { kind, name, ...(namespace === undefined ? {} : { namespace }) };
          const uid = (id as { readonly uid?: string }).uid;
          const admitted = limiter.admit({ type, reason, message, object }, clock.nowMs());
          if (admitted === undefined) return [];
          const apiVersion = (id as { readonly apiVersion?: string }).apiVersion ?? (group === '' ? 'v1' : group);
          const described = { ...admitted, object: { ...object, ...(uid === undefined || uid === '' ? {} : { uid }) } };
          return [outgoing(target, apiVersion, described)];
        });
    },
  };
}
