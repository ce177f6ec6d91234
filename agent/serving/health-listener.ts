import type { Report } from '../report.ts';
import type { Arrival } from '../sources/board.ts';
import type { ProxyHealth } from './health.ts';

/** What the agent tells, as health: a change that waits makes a family late, a sync makes it well. */
export function healthListener(health: ProxyHealth): Report {
  return (event) => {
    if (event.kind === 'changes') for (const family of event.families) health.queued(family);
    if (event.kind === 'synced') health.updated(event.family);
    if (event.kind === 'sync-failed' || event.kind === 'flushed') health.queued(event.family);
  };
}

interface NodeObject {
  readonly kind?: unknown;
  readonly metadata?: { readonly name?: unknown; readonly deletionTimestamp?: unknown } | null;
  readonly spec?: { readonly taints?: unknown } | null;
}

/** Whether load balancers shall send new traffic to this node: not while it is being taken away. */
export function watchNode(arrivals: readonly Arrival[], nodeName: string, health: ProxyHealth): void {
  for (const { cluster, object, gone } of arrivals) {
    const { kind, metadata, spec } = (object ?? {}) as NodeObject;
    if (cluster !== undefined || kind !== 'Node' || metadata?.name !== nodeName) continue;
    const taints: readonly unknown[] = Array.isArray(spec?.taints) ? spec.taints : [];
    health.nodeChanged({
      deleted: gone || typeof metadata.deletionTimestamp === 'string',
      taintKeys: taints.map((taint) => String((taint as { readonly key?: unknown } | null)?.key)),
    });
  }
}
