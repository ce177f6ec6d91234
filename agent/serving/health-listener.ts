import { isOfKind } from '../../compiler/change.ts';
import type { Report } from '../telling/agent-event.ts';
import type { Arrival } from '../sources/board.ts';
import type { ProxyHealth } from './health.ts';

/** Turns the agent's events into health: a change that waits makes a family late, a sync makes it healthy. */
export function healthListener(health: ProxyHealth): Report {
  return (event) => {
    if (event.kind === 'changes') for (const family of event.families) health.queued(family);
    if (event.kind === 'removal-held') health.held(event.why);
    if (event.kind === 'removal-released') health.held(undefined);
    if (event.kind === 'synced') health.updated(event.family);
    if (event.kind === 'sync-failed' || event.kind === 'flushed') health.queued(event.family);
  };
}

/** Whether load balancers should send new traffic to this node: not while it is being deleted. */
export function watchNode(arrivals: readonly Arrival[], nodeName: string, health: ProxyHealth): void {
  for (const arrival of arrivals) {
    if (!isOfKind(arrival, 'Node') || arrival.cluster !== undefined || arrival.id.name !== nodeName) continue;
    if (arrival.gone) health.nodeChanged({ deleted: true, taintKeys: [] });
    else if (arrival.object !== undefined) {
      const { isLeaving, taintKeys } = arrival.object.value;
      health.nodeChanged({ deleted: isLeaving, taintKeys });
    }
  }
}
