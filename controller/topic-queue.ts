import type { Topic } from './core/desire.ts';

export interface QueueTimes {
  /** A topic is decided once it has not changed for this long (CC-17). */
  readonly gatherMs: number;
  /** The longest wait of a topic that keeps changing. */
  readonly gatherMaxMs: number;
}

/** The topics to decide again, and when. */
export interface TopicQueue {
  /** Something about the topic changed. */
  touch(topic: Topic, nowMs: number): void;
  /** Decides the topic again after this time, or earlier if it is touched. */
  later(topic: Topic, ms: number, nowMs: number): void;
  /** Takes out the topics that are due, except those that `isBusy`. */
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
  /** Times of retries: a touch moves one forward, and never back. */
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
