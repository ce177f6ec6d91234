import type { ClusterName } from '../../compiler/values/names.ts';
import type { Draft } from './draft.ts';
import { idIn, type Kind } from './kinds.ts';
import { isOurs } from './marks.ts';
import type { Held } from './object.ts';
import { propagate } from './propagation.ts';

/**
 * Puts the hub's object of a kind and name where policies send it, and returns every member that has one once all is
 * written: the propagated ones, and those that a member's own users made. What was propagated and is wanted no more
 * does not count, although it is still there.
 */
export function effective(draft: Draft, kind: Kind, namespace: string, name: string): ReadonlyMap<ClusterName, Held> {
  const { world } = draft;
  const id = idIn(kind, namespace, name);
  const template = world.hub?.get(id);
  const sent = template === undefined ? new Set<ClusterName>() : propagate(draft, template);
  const found = new Map<ClusterName, Held>();
  for (const [cluster, view] of world.members) {
    const there = view.get(id);
    const isUsers = there !== undefined && !isOurs(there) && !there.isDeleting;
    if (isUsers) found.set(cluster, there);
    else if (sent.has(cluster) && template !== undefined) found.set(cluster, there ?? template);
  }
  return found;
}
