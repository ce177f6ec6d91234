import type { Topic } from './core/desire.ts';

export interface QueueTimes {
  /** What happens within so long after a change is decided with it (CC-17). */
  readonly gatherMs: number;
  /** A topic that changes all the time waits no longer than this. */
  readonly gatherMaxMs: number;
}

/** Which topics have to be decided again, and when. */
export interface TopicQueue {
  /** Something about it changed. */
  touch(topic: Topic, nowMs: number): void;
  /** Again after so long, unless it is touched before. */
  later(topic: Topic, ms: number, nowMs: number): void;
  /** Takes out what is due, except what `isBusy`. */
  take(nowMs: number, count: number, isBusy: (topic: Topic) => boolean): readonly Topic[];
  /** When the next one is due; undefined: nothing waits. */
  nextMs(isBusy: (topic: Topic) => boolean): number | undefined;
  readonly size: number;
}

interface Entry {
  readonly firstMs: number;
  readonly dueMs: number;
}

export function createTopicQueue({ gatherMs, gatherMaxMs }: QueueTimes): TopicQueue {
  const entries = new Map<Topic, Entry>();
  /** Retries: a touch brings them forward, and never back. */
  const retries = new Map<Topic, number>();

  function dueMs(topic: Topic): number {
    return Math.min(entries.get(topic)?.dueMs ?? Infinity, retries.get(topic) ?? Infinity);
  }

  const all = (): Set<Topic> => new Set([...entries.keys(), ...retries.keys()]);

  return {
    touch(topic, nowMs) {
      const firstMs = entries.get(topic)?.firstMs ?? nowMs;
      entries.set(topic, { firstMs, dueMs: Math.min(nowMs + gatherMs, firstMs + gatherMaxMs) });
    },
    later(topic, ms, nowMs) {
      retries.set(topic, nowMs + ms);
    },
    take(nowMs, count, isBusy) {
      const due: Topic[] = [];
      for (const topic of all()) {
        if (due.length >= count) break;
        if (dueMs(topic) > nowMs || isBusy(topic)) continue;
        due.push(topic);
        entries.delete(topic);
        retries.delete(topic);
      }
      return due;
    },
    nextMs(isBusy) {
      let next: number | undefined;
      for (const topic of all()) {
        if (!isBusy(topic)) next = Math.min(next ?? Infinity, dueMs(topic));
      }
      return next;
    },
    get size() {
      return all().size;
    },
  };
}
