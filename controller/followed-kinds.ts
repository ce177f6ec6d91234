import type { Log } from '../agent/telling/log.ts';
import type { Cluster } from './cluster.ts';
import { type Clock, sleep } from '../agent/loop/clock.ts';
import { groupOf, type Kind, kinds, kindText } from './core/kinds.ts';
import type { Held } from './core/object.ts';
import { parsePolicy } from './core/policy.ts';
import { isPolicy } from './core/propagation.ts';

/**
 * Kinds that policies propagate besides those of Services: read completely in the hub, and in members only the objects that
 * the controller made. A kind stays followed when no policy names it any more, also by the next leader, because its
 * propagated objects have to be found before they can be removed.
 */
export interface FollowedKinds {
  /** A policy may name kinds. */
  see(object: Held): void;
  /** Follows the kinds in a member that was registered later. */
  meet(member: Cluster): void;
  /** The kinds that the next leader has to follow too: `apps/v1 Deployment`, comma-separated. */
  text(): string;
  restore(text: string): void;
}

const always: ReadonlySet<string> = new Set(Object.values(kinds).map(kindText));
const retryMs = 30_000;

export function createFollowedKinds(
  hub: Cluster,
  members: () => Iterable<Cluster>,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  signal: AbortSignal,
): FollowedKinds {
  const wanted = new Map<string, { readonly kind: Kind; readonly apiVersion: string }>();

  /** Waits until the cluster serves the kind: its CRD may only now be on its way there. */
  async function follow(cluster: Cluster, kind: Kind, apiVersion: string): Promise<void> {
    const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
    if (cluster !== hub && !cluster.cache.takesWrites) return;
    while (!signal.aborted) {
      const served = await cluster.api.served.find(kind, version, signal).catch(() => undefined);
      if (served !== undefined) return cluster.follow(kind, served, cluster === hub ? 'whole' : 'part');
      await sleep(clock, retryMs, signal);
    }
  }

  function want(apiVersion: string, name: string): void {
    const kind = { group: groupOf(apiVersion), kind: name };
    const text = kindText(kind);
    if (always.has(text) || wanted.has(text)) return;
    if (!/^[a-zA-Z0-9]{1,63}$/.test(name) || !/^([a-z0-9.-]{1,253}\/)?[a-z0-9]{1,63}$/.test(apiVersion)) return;
    wanted.set(text, { kind, apiVersion });
    log.info({ kind: text }, 'is now propagated');
    for (const cluster of [hub, ...members()]) void follow(cluster, kind, apiVersion);
  }

  return {
    meet(member) {
      for (const { kind, apiVersion } of wanted.values()) void follow(member, kind, apiVersion);
    },
    see(object) {
      if (!isPolicy(object)) return;
      for (const { apiVersion, kind } of parsePolicy(object).selectors) want(apiVersion, kind);
    },
    text: () =>
      [...wanted.values()]
        .map(({ apiVersion, kind }) => `${apiVersion} ${kind.kind}`)
        .sort()
        .join(','),
    restore(text) {
      for (const each of text.split(',')) {
        const [apiVersion, kind] = each.split(' ');
        if (apiVersion !== undefined && kind !== undefined) want(apiVersion, kind);
      }
    },
  };
}
