import { compareText } from '../../compiler/values/names.ts';

/** A Service port whose rules the kernel rejects. It keeps those that it had. */
export interface QuarantinedService<Name extends string = string> {
  /** `shop/cart:http`, as in comments of rules. */
  readonly service: Name;
  readonly message: string;
  readonly retryInMs: number;
  /** How often it was refused. */
  readonly refusals: number;
}

interface Held {
  readonly message: string;
  readonly refusals: number;
  readonly retryAtMs: number;
  /** What it meant when it was refused: another meaning is tried at once. */
  readonly meaning: string;
}

/** Which Service ports are held back, and how long: each refusal doubles the time. Each backend chooses the names. */
export interface Delays<Name extends string> {
  /** Services to leave as they are now, given what each means now. Forgets those that no longer exist. */
  held(meanings: ReadonlyMap<Name, string>): ReadonlySet<Name>;
  /** Takes the result of a sync in which all others took part. Returns those that are no longer held. */
  settle(
    refused: readonly { readonly service: Name; readonly message: string }[],
    meanings: ReadonlyMap<Name, string>,
  ): Name[];
  list(): QuarantinedService<Name>[];
  /** In how many milliseconds the next Service port is to be tried again. */
  nextInMs(): number | undefined;
}

export interface DelayTimes {
  readonly firstMs: number;
  readonly maxMs: number;
}

export const defaultDelayTimes: DelayTimes = { firstMs: 30_000, maxMs: 3_600_000 };

export function createDelays<Name extends string>(nowMs: () => number, times: DelayTimes): Delays<Name> {
  const all = new Map<Name, Held>();
  const isHeld = (service: Name, meanings: ReadonlyMap<Name, string>): boolean => {
    const held = all.get(service);
    return held !== undefined && held.meaning === meanings.get(service) && held.retryAtMs > nowMs();
  };
  return {
    held(meanings) {
      for (const service of all.keys()) if (!meanings.has(service)) all.delete(service);
      return new Set([...all.keys()].filter((service) => isHeld(service, meanings)));
    },
    settle(refused, meanings) {
      const tried = [...all.keys()].filter((service) => !isHeld(service, meanings));
      const guilty = new Set(refused.map(({ service }) => service));
      const released = tried.filter((service) => !guilty.has(service));
      for (const service of released) all.delete(service);
      for (const { service, message } of refused) {
        const meaning = meanings.get(service) ?? '';
        const before = all.get(service);
        const refusals = before?.meaning === meaning ? before.refusals + 1 : 1;
        const delayMs = Math.min(times.firstMs * 2 ** (refusals - 1), times.maxMs);
        all.set(service, { message, refusals, meaning, retryAtMs: nowMs() + delayMs });
      }
      return released;
    },
    list: () =>
      [...all]
        .sort(([a], [b]) => compareText(a, b))
        .map(([service, { message, refusals, retryAtMs }]) => ({
          service,
          message,
          refusals,
          retryInMs: Math.max(0, retryAtMs - nowMs()),
        })),
    nextInMs() {
      const times = [...all.values()].map(({ retryAtMs }) => retryAtMs);
      return times.length === 0 ? undefined : Math.max(0, Math.min(...times) - nowMs());
    },
  };
}
