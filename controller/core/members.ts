import type { ClusterName } from '../../compiler/values/names.ts';
import type { Draft } from './draft.ts';
import { idIn, idText, type Kind } from './kinds.ts';
import { isOurs } from './marks.ts';
import type { Held } from './object.ts';
import { conditionsFor, sentences } from './conditions.ts';
import { policyFor, propagate } from './propagation.ts';
import { hub } from './world.ts';

/**
 * Puts the hub's object of a kind and name where policies send it. Returns every member that will have one after all
 * writes: those that get the propagated one, and those whose own users made one. A propagated object that is no longer
 * wanted does not count, although it still exists.
 */
export function effective(draft: Draft, kind: Kind, namespace: string, name: string): ReadonlyMap<ClusterName, Held> {
  const { world } = draft;
  const id = idIn(kind, namespace, name);
  const template = world.hub?.get(id);
  const sent = template === undefined ? new Set<ClusterName>() : propagate(draft, template);
  if (template !== undefined && policyFor(world, template) !== undefined) reportPropagated(draft, template);
  const found = new Map<ClusterName, Held>();
  for (const [cluster, view] of world.members) {
    const there = view.get(id);
    const isUsers = there !== undefined && !isOurs(there) && !there.isDeleting;
    if (isUsers) found.set(cluster, there);
    else if (sent.has(cluster) && template !== undefined) found.set(cluster, there ?? template);
  }
  return found;
}

/** Reports whether the hub's object is where policies send it. Its other conditions are those of its copies in the members. */
function reportPropagated(draft: Draft, template: Held): void {
  const problems = [
    ...draft
      .refusals()
      .filter(({ id }) => idText(id) === idText(template))
      .map(({ message }) => message),
    ...draft.unwritten(({ id, target }) => target !== hub && idText(id) === idText(template)),
  ];
  const isDone = problems.length === 0;
  const reason = isDone ? 'Propagated' : 'NotPropagated';
  const message = isDone ? 'It is in every cluster that a policy selects.' : sentences(problems);
  const finding = { type: 'Propagated', status: isDone ? 'True' : 'False', reason, message } as const;
  const { apiVersion } = template;
  draft.status({
    target: hub,
    id: template,
    apiVersion,
    conditions: conditionsFor(template, [finding], draft.world.time),
  });
  if (!isDone) draft.event({ target: hub, id: template, type: 'Warning', reason, message });
}
