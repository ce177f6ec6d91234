import { createDraft, type Outcome } from './draft.ts';
import { isOfKind, type Kind, kinds, kindText, type ObjectId } from './kinds.ts';
import { desireKarmadaImports } from './karmada-imports.ts';
import { desireMcsImports } from './mcs-imports.ts';
import { desireService } from './mcs.ts';
import { isPolicy, propagate, reportPolicy } from './propagation.ts';
import { refreshCopies } from './refresh.ts';
import { hub, type World } from './world.ts';

/**
 * Objects that are decided together: all multi-cluster objects of one namespace and name are one topic
 * (`Service shop/cart`), and every other object of the hub is a topic of its own (`Deployment.apps shop/cart`).
 */
export type Topic = string;

/** Kinds whose objects of the same name concern one Service. */
const serviceKinds: readonly Kind[] = [
  kinds.service,
  kinds.serviceExport,
  kinds.serviceImport,
  kinds.multiClusterService,
];

export function topicOf(id: ObjectId): Topic {
  const name = id.namespace === undefined ? id.name : `${id.namespace}/${id.name}`;
  return `${serviceKinds.some((kind) => isOfKind(id, kind)) ? 'Service' : kindText(id)} ${name}`;
}

/** undefined: the text names no topic. */
function parseTopic(topic: Topic): ObjectId | undefined {
  const [kind = '', path = ''] = topic.split(' ');
  const dot = kind.indexOf('.');
  const slash = path.indexOf('/');
  if (kind === '' || path === '') return undefined;
  return {
    kind: dot < 0 ? kind : kind.slice(0, dot),
    group: dot < 0 ? '' : kind.slice(dot + 1),
    namespace: slash < 0 ? undefined : path.slice(0, slash),
    name: path.slice(slash + 1),
  };
}

/** The desired state of every cluster for one topic: it depends on the observed state only. */
export function desire(world: World, topic: Topic): Outcome {
  const draft = createDraft(world, topic);
  const id = parseTopic(topic);
  if (id === undefined) return draft.outcome();
  if (isOfKind(id, kinds.service)) {
    if (id.namespace === undefined) return draft.outcome();
    if (world.isHubAway) {
      refreshCopies(draft, id.namespace, id.name);
      return draft.outcome();
    }
    desireService(draft, id.namespace, id.name);
    if (world.settings.importStyle === 'karmada') desireKarmadaImports(draft, id.namespace, id.name);
    else desireMcsImports(draft, id.namespace, id.name);
    return draft.outcome();
  }
  if (world.isHubAway) return draft.outcome();
  if (isOfKind(id, kinds.namespace) && world.settings.createNamespaces) keepNamespace(draft, id.name);
  const object = world.hub?.get(id);
  if (object === undefined) return draft.outcome();
  if (isPolicy(object)) reportPolicy(draft, object);
  else propagateObject(draft, object);
  return draft.outcome();
}

/** A namespace that the controller made stays: it must not delete what others have put there since. */
function keepNamespace({ world, want }: ReturnType<typeof createDraft>, name: string): void {
  for (const [cluster, view] of world.members) {
    const made = view.get({ ...kinds.namespace, namespace: undefined, name });
    if (made?.labels.get('slicewright.dev/managed') === 'true') {
      want(cluster, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    }
  }
}

function propagateObject(draft: ReturnType<typeof createDraft>, object: Parameters<typeof propagate>[1]): void {
  propagate(draft, object);
  for (const { message } of draft.refusals()) {
    draft.event({ target: hub, id: object, type: 'Warning', reason: 'NotPropagated', message });
  }
}
