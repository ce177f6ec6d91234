import { asFields } from '../compiler/model/fields.ts';
import { type Topic, topicOf } from './core/desire.ts';
import type { Desired } from './core/draft.ts';
import { isOfKind, kinds } from './core/kinds.ts';
import type { Held } from './core/object.ts';

/** The clusterset IPs in use, with their topics. */
export interface GivenIps {
  readonly all: ReadonlyMap<string, Topic>;
  /** Records a topic's addresses before anything is written, so that no two topics get the same one. */
  keep(topic: Topic, desired: readonly Desired[]): void;
  /** Records the addresses of an import in a cluster. */
  see(object: Held): void;
}

export function createGivenIps(): GivenIps {
  const ips = new Map<string, Topic>();
  const ipsOf = new Map<Topic, readonly string[]>();
  return {
    all: ips,
    keep(topic, desired) {
      for (const ip of ipsOf.get(topic) ?? []) if (ips.get(ip) === topic) ips.delete(ip);
      const found = desired
        .filter(({ id }) => isOfKind(id, kinds.serviceImport))
        .flatMap(({ object }) => ipsIn(object.spec));
      ipsOf.set(topic, found);
      for (const ip of found) ips.set(ip, topic);
    },
    see(object) {
      if (!isOfKind(object, kinds.serviceImport)) return;
      for (const ip of ipsIn(object.fields.spec)) if (!ips.has(ip)) ips.set(ip, topicOf(object));
    },
  };
}

function ipsIn(spec: unknown): readonly string[] {
  const listed = asFields(spec)?.ips;
  return Array.isArray(listed) ? listed.filter((ip) => typeof ip === 'string') : [];
}
