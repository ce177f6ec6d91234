/** An Event of the core API, as `kubectl events` shows it. */
export interface ClusterEvent {
  readonly reason: string;
  readonly type: 'Normal' | 'Warning';
  readonly message: string;
  /** The action in progress, where kube-proxy names it too. */
  readonly action?: string;
  readonly object: {
    readonly kind: string;
    readonly namespace?: string;
    readonly name: string;
  };
}

/** An Event that stands for several occurrences. Times are milliseconds of the caller's clock. */
export interface CountedEvent extends ClusterEvent {
  readonly count: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/**
 * Another writer that keeps changing slicewright's rules, or a Service that is rejected again and again, would flood the
 * API server. So only a few Events with the same reason and object are sent at once; further occurrences
 * are counted, and sent as one Event with the latest message when the next one is due.
 */
export interface EventLimiter {
  /** The Event to send now, if one may be sent. */
  admit(event: ClusterEvent, nowMs: number): CountedEvent | undefined;
  /** Counted Events that may be sent now. */
  due(nowMs: number): CountedEvent[];
}

/** source: client-go's spam filter, whose burst is 25 */
export const defaultEventRates = { burst: 5, everyMs: 300_000, maxObjects: 1_000 };

interface Bucket {
  /** How many may be sent at once, at `atMs`. */
  readonly tokens: number;
  readonly atMs: number;
  readonly waiting: CountedEvent | undefined;
}

export function createEventLimiter({ burst, everyMs, maxObjects } = defaultEventRates): EventLimiter {
  const buckets = new Map<string, Bucket>();

  function filled(bucket: Bucket | undefined, nowMs: number): Bucket {
    if (bucket === undefined) return { tokens: burst, atMs: nowMs, waiting: undefined };
    const more = Math.floor((nowMs - bucket.atMs) / everyMs);
    if (more <= 0) return bucket;
    return { ...bucket, tokens: Math.min(burst, bucket.tokens + more), atMs: bucket.atMs + more * everyMs };
  }

  /** Forgets the object whose last Event is the oldest if there are too many: at worst a few Events too many are sent. */
  function remember(key: string, bucket: Bucket): void {
    buckets.delete(key);
    buckets.set(key, bucket);
    const [oldest] = buckets.keys();
    if (buckets.size > maxObjects && oldest !== undefined) buckets.delete(oldest);
  }

  return {
    admit(event, nowMs) {
      const { kind, namespace = '', name } = event.object;
      const key = `${event.reason} ${kind} ${namespace}/${name}`;
      const bucket = filled(buckets.get(key), nowMs);
      const { count, firstMs } = bucket.waiting ?? { count: 0, firstMs: nowMs };
      const all: CountedEvent = { ...event, count: count + 1, firstMs, lastMs: nowMs };
      const isTold = bucket.tokens > 0;
      remember(
        key,
        isTold ? { ...bucket, tokens: bucket.tokens - 1, waiting: undefined } : { ...bucket, waiting: all },
      );
      return isTold ? all : undefined;
    },
    due(nowMs) {
      const told: CountedEvent[] = [];
      for (const [key, before] of buckets) {
        const bucket = filled(before, nowMs);
        if (bucket.tokens === burst && bucket.waiting === undefined) {
          buckets.delete(key);
        } else if (bucket.tokens > 0 && bucket.waiting !== undefined) {
          told.push(bucket.waiting);
          buckets.set(key, { ...bucket, tokens: bucket.tokens - 1, waiting: undefined });
        }
      }
      return told;
    },
  };
}
