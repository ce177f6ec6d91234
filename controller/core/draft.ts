import type { Fields } from '../../compiler/model/fields.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import type { Condition } from './conditions.ts';
import { idIn, idText, isOfKind, kinds, type ObjectId, shortId } from './kinds.ts';
import { isKarmadas, isOurs, marks, mayAdopt, ourManager } from './marks.ts';
import { type ClusterView, hub, problemKey, type Target, type World } from './world.ts';

/** An object as it should be in one cluster, complete except for what the API server adds. */
export interface Desired {
  readonly target: Target;
  readonly id: ObjectId;
  readonly object: Fields;
  /** Its owner in the same cluster; the reference needs the owner's uid, and the owner may not exist yet. */
  readonly owner?: ObjectId;
  /** The cluster whose slice this is a copy of. */
  readonly source?: ClusterName;
  /** A copy whose endpoints are removed because its original is gone. */
  readonly isEmptied?: true;
}

type Reasons = Pick<Desired, 'owner' | 'source' | 'isEmptied'>;

/** The desired status, with complete conditions. */
export interface DesiredStatus {
  readonly target: Target;
  readonly id: ObjectId;
  readonly apiVersion: string;
  readonly conditions: readonly Condition[];
  /** More fields of the status. */
  readonly fields?: Fields;
}

/** An Event to send, unless it was sent before. */
export interface DesiredEvent {
  readonly target: Target;
  readonly id: ObjectId;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** What keeps a desired object away, such as another object in its place. */
export interface Refusal {
  readonly target: Target;
  readonly id: ObjectId;
  readonly reason: 'Exists' | 'Karmada' | 'NamespaceMissing' | 'KindMissing' | 'ReadOnly';
  readonly message: string;
}

export interface Outcome {
  readonly desired: readonly Desired[];
  readonly statuses: readonly DesiredStatus[];
  readonly events: readonly DesiredEvent[];
  readonly refusals: readonly Refusal[];
}

/** Collects what one topic wants. */
export interface Draft {
  readonly world: World;
  readonly topic: string;
  viewOf(target: Target): ClusterView | undefined;
  /**
   * Wants an object in a cluster. Returns whether it may be there: false if an object that is not slicewright's stands in
   * its place, or its namespace or kind is missing.
   */
  want(target: Target, object: Fields, more?: Reasons): boolean;
  wants(target: Target, id: ObjectId): Desired | undefined;
  status(status: DesiredStatus): void;
  event(event: DesiredEvent): void;
  refusals(): readonly Refusal[];
  /** Wanted objects matching `which` that could not be written, or do not exist yet: `m2: …`. */
  unwritten(which: (desired: Desired) => boolean): readonly string[];
  outcome(): Outcome;
}

export function createDraft(world: World, topic: string): Draft {
  const desired = new Map<string, Desired>();
  const refusals = new Map<string, Refusal>();
  const statuses: DesiredStatus[] = [];
  const events: DesiredEvent[] = [];
  const viewOf = (target: Target) => (target === hub ? world.hub : world.members.get(target));
  const keyOf = (target: Target, id: ObjectId): string => `${target} ${idText(id)}`;

  function refusalOf(view: ClusterView, id: ObjectId): Omit<Refusal, 'target' | 'id'> | undefined {
    if (!view.takesWrites) {
      return { reason: 'ReadOnly', message: `${view.target} is a folder, which is read only` };
    }
    if (view.access === 'unread') return undefined;
    if (view.lacks(id))
      return { reason: 'KindMissing', message: `${view.target} does not serve ${id.kind}: install its CRD` };
    const there = view.get(id);
    if (there !== undefined && !isOurs(there) && !mayAdopt(there)) {
      return isKarmadas(there)
        ? {
            reason: 'Karmada',
            message: `${view.target} has a ${shortId(id)} that Karmada manages; the controller leaves it unchanged`,
          }
        : {
            reason: 'Exists',
            message: `${view.target} has a ${shortId(id)} that the controller did not make; it is left unchanged unless it is annotated ${marks.adopt}: "true"`,
          };
    }
    if (id.namespace !== undefined && !view.hasNamespace(id.namespace) && !world.settings.createNamespaces) {
      return { reason: 'NamespaceMissing', message: `${view.target} has no namespace ${id.namespace}` };
    }
    return undefined;
  }

  function add(target: Target, id: ObjectId, object: Fields, more: Reasons): void {
    desired.set(keyOf(target, id), { target, id, object, ...more });
  }

  return {
    world,
    topic,
    viewOf,
    want(target, object, more = {}) {
      const id = idOfManifest(object);
      const view = viewOf(target);
      if (view === undefined) return false;
      const refusal = refusalOf(view, id);
      if (refusal !== undefined) {
        refusals.set(keyOf(target, id), { target, id, ...refusal });
        return false;
      }
      if (id.namespace !== undefined && view.access !== 'unread' && !view.hasNamespace(id.namespace)) {
        const manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: id.namespace } };
        const topicOfIt = `Namespace ${id.namespace}`;
        add(target, idIn(kinds.namespace, undefined, id.namespace), marked(manifest, topicOfIt), {});
      }
      add(target, id, marked(object, topic), more);
      return true;
    },
    wants: (target, id) => desired.get(keyOf(target, id)),
    status: (status) => void statuses.push(status),
    event: (event) => void events.push(event),
    refusals: () => [...refusals.values()],
    unwritten: (which) =>
      [...desired.values()].filter(which).flatMap(({ target, id }) => {
        const problem = world.problems.get(problemKey(target, idText(id)));
        if (problem !== undefined) return [`${target}: ${problem}`];
        const view = viewOf(target);
        if (view?.access !== 'live' || !view.holdsAll(id) || view.get(id) !== undefined) return [];
        const vacancy = world.vacancies.get(target);
        return [
          `${target}: ${shortId(id)} is not written yet${vacancy === undefined ? '' : `: no replica writes there, ${vacancy}`}`,
        ];
      }),
    outcome: () => ({ desired: [...desired.values()], statuses, events, refusals: [...refusals.values()] }),
  };
}

/** Adds to the manifest the marks that show that the controller made it, and for which topic. */
function marked(object: Fields, topic: string): Fields {
  const metadata = object.metadata as Fields;
  const isSlice = isOfKind(idOfManifest(object), kinds.slice);
  const labels = { ...(metadata.labels as Fields | undefined) };
  if (isSlice) labels[marks.managedBy] = ourManager;
  else labels[marks.managed] = 'true';
  const annotations = { ...(metadata.annotations as Fields | undefined), [marks.partOf]: topic };
  return { ...object, metadata: { ...metadata, labels, annotations } };
}

export function idOfManifest(object: Fields): ObjectId {
  const { apiVersion, kind, metadata } = object as {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: { readonly namespace?: string; readonly name: string };
  };
  const slash = apiVersion.indexOf('/');
  return {
    group: slash < 0 ? '' : apiVersion.slice(0, slash),
    kind,
    namespace: metadata.namespace,
    name: metadata.name,
  };
}
