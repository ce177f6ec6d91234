import type { Compilation } from './compile.ts';
import { concernsRules, type ObjectChange } from './change.ts';
import { type CompilerContext, createEngine, type Engine, type NodeContexts, type PortChanges } from './engine.ts';
import type { NamesIn } from './merge/facts.ts';
import { sourceOf } from './merge/source.ts';
import { type ModelObject, textOfId } from './model/kinds.ts';
import type { Registry } from './registry/registry.ts';
import type { Diagnostic } from './values/diagnostic.ts';
import type { ClusterName, ServiceKey } from './values/names.ts';

/** A compiler that remembers, for an agent that hears of changes. */
export interface Compiler {
  /**
   * Takes changes in, in the order in which they happened, and compiles the Services that they touch. An object
   * replaces the one of the same kind and name, and what there was to say of that one; kinds without a part in Service
   * rules are passed over.
   *
   * returns  the Service ports whose meaning changed, and nothing else
   */
  apply(changes: readonly ObjectChange[]): PortChanges;
  /**
   * Takes changes in and compiles nothing yet: the next call of `apply` returns what they changed. For a start, in which nearly
   * every change touches what the one before it touched.
   */
  collect(changes: readonly ObjectChange[]): void;
  /**
   * Takes another registry, in which clusters whose objects are here go by the same names (engine.ts, viewOf).
   *
   * returns  as apply does
   */
  register(registry: Registry): PortChanges;
  node(): NodeContexts;
  /** What tells whose a slice of the local cluster is (compiler/merge/source.ts); the same value while it is the same. */
  names(): NamesIn;
  /** What became of each Service, as of the last change. */
  services: Engine['services'];
  /** The labels of a Service that is there, which choose it. */
  labelsOf: Engine['labelsOf'];
  /** What a change is about: of an object that goes, as long as it is not applied. */
  subjectOf(change: ObjectChange): Subject;
  /** How often something was taken in: while it is the same, so is {@link Compiler.compilation}. */
  generation(): number;
  /** What there is to say, as {@link Compiler.compilation} has it. */
  diagnostics(): readonly Diagnostic[];
  /** The whole: equal to compiling the present objects from nothing. */
  compilation(): Compilation;
}

/** What an object has to do with, by all that is known. */
export interface Subject {
  /** Services that it is, feeds or may matter to. */
  readonly services: ReadonlySet<ServiceKey>;
  /** Whose it is: by rules L1 to L8 a slice of the local cluster may be another's. undefined: our own. */
  readonly cluster: ClusterName | undefined;
}

export function createCompiler(context: CompilerContext): Compiler {
  const engine = createEngine(context);
  /** undefined: the object is so bad that nothing of it is used. */
  const entries = new Map<string, ModelObject | undefined>();
  /** Nearly every object is fine: what was said of the others is found without a look at all. */
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

  /** That a change tells of, or that is there until it is applied. */
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
  return `${cluster ?? ''} ${textOfId(id)}`;
}
