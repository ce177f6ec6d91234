import type { Compilation } from './compile.ts';
import { concernsRules, type ObjectChange } from './change.ts';
import { type CompilerContext, createEngine, type Engine, type NodeContexts, type PortChanges } from './engine.ts';
import type { NamesIn } from './merge/facts.ts';
import { sourceOf } from './merge/source.ts';
import { type ModelObject, textOfId } from './model/kinds.ts';
import type { Registry } from './registry/registry.ts';
import type { Diagnostic } from './values/diagnostic.ts';
import type { ClusterName, ServiceKey } from './values/names.ts';
import { oneText } from './values/one-text.ts';

/** A compiler that remembers its results, for an agent that receives changes. */
export interface Compiler {
  /**
   * Takes in changes, in the order in which they happened, and compiles the Services that they touch. An object
   * replaces the previous one of the same kind and name, together with its diagnostics; kinds that play no part in
   * Service rules are ignored.
   *
   * returns  the Service ports whose meaning changed, and nothing else
   */
  apply(changes: readonly ObjectChange[]): PortChanges;
  /**
   * Takes in changes and compiles nothing yet: the next call of `apply` returns what they changed. Meant for a start,
   * in which nearly every change touches the same Services as the one before it.
   */
  collect(changes: readonly ObjectChange[]): void;
  /**
   * Uses another registry, under which clusters whose objects are here keep their names (cluster-view.ts).
   *
   * returns  as apply does
   */
  register(registry: Registry): PortChanges;
  node(): NodeContexts;
  /**
   * The facts that tell the cluster of a slice in the local cluster (compiler/merge/source.ts); the same value while
   * nothing changed.
   */
  names(): NamesIn;
  /** The result for each Service, as of the last change. */
  services: Engine['services'];
  /** The labels of an existing Service, by which users select it. */
  labelsOf: Engine['labelsOf'];
  /** What a change is about. For an object that goes away, ask before the change is applied. */
  subjectOf(change: ObjectChange): Subject;
  /** How often something was taken in: while this number is the same, {@link Compiler.compilation} is the same. */
  generation(): number;
  /** All diagnostics, as in {@link Compiler.compilation}. */
  diagnostics(): readonly Diagnostic[];
  /** The whole result: equal to compiling the present objects from nothing. */
  compilation(): Compilation;
}

/** What an object is related to, as far as is known now. */
export interface Subject {
  /** Services that it is, feeds or may affect. */
  readonly services: ReadonlySet<ServiceKey>;
  /**
   * Its cluster: by rules L1 to L8 a slice in the local cluster may belong to another. undefined: the local cluster.
   */
  readonly cluster: ClusterName | undefined;
}

export function createCompiler(context: CompilerContext): Compiler {
  const engine = createEngine(context);
  /** undefined: the object is so bad that nothing of it is used. */
  const entries = new Map<string, ModelObject | undefined>();
  /** Nearly every object is fine: keeping only the others' diagnostics saves a look at all objects. */
  const complaints = new Map<string, readonly Diagnostic[]>();
  let generation = 0;

  function take(change: ObjectChange): void {
    if (!concernsRules(change)) return;
    const { cluster } = change;
    const key = keyOf(change);
    const before = entries.get(key);
    if (before !== undefined) engine.drop(cluster, before);
    if (change.gone) {
      entries.delete(key);
      complaints.delete(key);
      return;
    }
    const { object, diagnostics } = change;
    entries.set(key, object);
    if (diagnostics.length > 0) complaints.set(key, diagnostics);
    else complaints.delete(key);
    if (object !== undefined) engine.put(cluster, object);
  }

  function parsing(): readonly Diagnostic[] {
    return [...complaints.values()].flat();
  }

  /** The object that a change reports, or that is there until the change is applied. */
  function objectOf(change: ObjectChange): ModelObject | undefined {
    if (change.gone) return entries.get(keyOf(change));
    return concernsRules(change) ? change.object : undefined;
  }

  function subjectOf(change: ObjectChange): Subject {
    const { cluster } = change;
    const object = objectOf(change);
    if (object === undefined) return { services: new Set(), cluster };
    const services = engine.concerns(cluster, object);
    if (cluster !== undefined || object.kind !== 'EndpointSlice') return { services, cluster };
    const source = sourceOf(object.value, engine.names().in(object.value.namespace));
    return { services, cluster: source.kind === 'remote' ? source.cluster : undefined };
  }

  return {
    apply(changes) {
      generation++;
      for (const change of changes) take(change);
      return engine.settle();
    },
    collect(changes) {
      generation++;
      for (const change of changes) take(change);
      engine.renew();
    },
    register(registry) {
      generation++;
      engine.register(registry);
      return engine.settle();
    },
    node: engine.node,
    names: engine.names,
    services: engine.services,
    labelsOf: engine.labelsOf,
    subjectOf,
    generation: () => generation,
    diagnostics: () => engine.diagnostics(parsing()),
    compilation: () => engine.compilation(parsing()),
  };
}

function keyOf({ cluster, id }: ObjectChange): string {
  return oneText([cluster ?? '', textOfId(id)], ' ');
}
