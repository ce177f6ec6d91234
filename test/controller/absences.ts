import { type Live, type Copy, copyOf } from './live.ts';

/**
 * Which endpoints that live in their source are missing in a consumer, and since when. Every write is reported here, so
 * no absence is missed between two looks.
 */
export interface Absences {
  /** Reports the addresses that a member has for a Service from now on. */
  live(member: string, service: string, addresses: readonly string[]): void;
  /** Missing now: `m2 lacks m1 web0 10.0.0.1`. */
  now(): readonly string[];
  /** Were there, and then disappeared although they lived in their source. */
  lost(): readonly string[];
  /** How long each absence lasted, for endpoints that are there by now. */
  lengthsMs(): readonly number[];
}

export function createAbsences({ at }: Pick<Live, 'at'>, members: readonly string[]): Absences {
  /** `m1 web0` → addresses. */
  const sources = new Map<string, ReadonlySet<string>>();
  /** `m2 m1 web0` → addresses. */
  const consumers = new Map<string, ReadonlySet<string>>();
  const missing = new Map<string, number>();
  const lost: string[] = [];
  const lengthsMs: number[] = [];
  const none: ReadonlySet<string> = new Set();

  /** returns  the addresses of a source's Service that a consumer lacks from now on */
  function look(consumer: string, key: string): void {
    const lives = sources.get(key) ?? none;
    const copied = consumers.get(`${consumer} ${key}`) ?? none;
    const prefix = `${consumer} lacks ${key} `;
    for (const [each, sinceMs] of missing) {
      if (!each.startsWith(prefix)) continue;
      const address = each.slice(prefix.length);
      if (copied.has(address)) lengthsMs.push(performance.now() - sinceMs);
      if (copied.has(address) || !lives.has(address)) missing.delete(each);
    }
    for (const address of lives) {
      const text = `${prefix}${address}`;
      if (!copied.has(address) && !missing.has(text)) missing.set(text, performance.now());
    }
  }

  for (const consumer of members) {
    at(consumer).store.listen(({ resource, object, type }) => {
      const copy = resource.kind === 'EndpointSlice' ? copyOf(object) : undefined;
      if (copy === undefined) return;
      take(consumer, copy, type === 'DELETED');
    });
  }

  function take(consumer: string, { key, addresses }: Copy, isGone: boolean): void {
    const before = consumers.get(`${consumer} ${key}`) ?? none;
    const now: ReadonlySet<string> = isGone ? none : new Set(addresses);
    for (const address of before) {
      if (!now.has(address) && sources.get(key)?.has(address) === true) lost.push(`${consumer}: ${key} ${address}`);
    }
    consumers.set(`${consumer} ${key}`, now);
    look(consumer, key);
  }

  return {
    live(member, service, addresses) {
      const key = `${member} ${service}`;
      sources.set(key, new Set(addresses));
      for (const consumer of members) if (consumer !== member) look(consumer, key);
    },
    now: () => [...missing.keys()],
    lost: () => lost,
    lengthsMs: () => lengthsMs,
  };
}
