import { viewOf } from './cluster-view.ts';
import type { CompilerContext } from './engine.ts';
import { type KnownKind, type ModelObject, type ObjectId, parse, type Parsed, type Recognised } from './model/kinds.ts';
import type { ClusterName } from './values/names.ts';

/** What a source reports about one object: its JSON, or that it is gone. */
export type Told =
  | { readonly gone: false; readonly object: Recognised }
  | { readonly gone: true; readonly id: ObjectId };

/** An object that is there, or that is gone. It is parsed once, where it enters, and travels with its diagnostics. */
export type ObjectChange<K extends KnownKind = KnownKind> = Present<K> | Gone<K>;

interface Present<K extends KnownKind> extends Parsed<K> {
  readonly gone: false;
  /** The cluster's name inside the compiler; undefined: the cluster that the node belongs to. */
  readonly cluster: ClusterName | undefined;
  readonly id: ObjectId<K>;
}

interface Gone<K extends KnownKind> {
  readonly gone: true;
  readonly cluster: ClusterName | undefined;
  readonly id: ObjectId<K>;
}

/**
 * Makes a change from what a source reports about a cluster, which the source may call by an alias. An agent parses
 * objects here and nowhere else.
 */
export type ChangeReader = (told: Told, cluster: ClusterName | undefined) => ObjectChange;

export function createChangeReader(context: Pick<CompilerContext, 'settings' | 'registry'>): ChangeReader {
  const { serviceProxyName } = context.settings;
  return (told, given) => {
    const cluster = viewOf(given, context);
    if (told.gone) return { gone: true, cluster, id: told.id };
    const { id } = told.object;
    const { object, diagnostics } = parse(told.object, cluster, serviceProxyName);
    return { gone: false, cluster, id, object, diagnostics };
  };
}

/** Whether a change is of an object of this kind. */
export function isOfKind<K extends KnownKind, C extends ObjectChange>(
  change: C,
  kind: K,
): change is C & ObjectChange<K> {
  return change.id.kind === kind;
}

/** Whether a change is of a kind that rules are made from. */
export function concernsRules<C extends ObjectChange>(change: C): change is C & ObjectChange<ModelObject['kind']> {
  return change.id.kind !== 'Lease';
}
