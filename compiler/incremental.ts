import type { Compilation } from './compile.ts';
import { type CompilerContext, createEngine, type NodeContexts, type PortChanges, viewOf } from './engine.ts';
import { asFields } from './model/fields.ts';
import { identify, type ModelObject, parseObject } from './model/kinds.ts';
import { namesIn, ownCluster, type Registry } from './registry/registry.ts';
import type { Diagnostic } from './values/diagnostic.ts';
import type { ClusterName } from './values/names.ts';

/** One object as a watch tells of it: plain JSON with kind and apiVersion, no list. */
export interface ObjectChange {
  /** undefined: the cluster that the node belongs to. */
  readonly cluster: ClusterName | undefined;
  readonly object: unknown;
  /** The object is deleted; of it only kind and name need be told. */
  readonly gone: boolean;
}

/** A compiler that remembers, for an agent that hears of changes. */
export interface Compiler {
  /**
   * Takes changes in, in the order in which they happened, and compiles the Services that they touch. An object
   * replaces the one of the same kind and name; kinds without a part in Service rules are passed over.
   *
   * returns  the Service ports whose meaning changed, and nothing else
   */
  apply(changes: readonly ObjectChange[]): PortChanges;
  /**
   * Takes another registry: clusters that became lost or came back, other ranges, weights or policies.
   *
   * returns  as apply does
   * throws   for one that names the clusters otherwise, by which objects are told apart: that needs a new compiler
   */
  register(registry: Registry): PortChanges;
  node(): NodeContexts;
  /** The whole: equal to compiling the present objects from nothing. */
  compilation(): Compilation;
}

interface Entry {
  /** undefined: the object is so bad that nothing of it is used. */
  readonly object: ModelObject | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

export function createCompiler(context: CompilerContext): Compiler {
  const engine = createEngine(context);
  const entries = new Map<string, Entry>();

  function take({ cluster: given, object: raw, gone }: ObjectChange): void {
    const cluster = viewOf(given, context);
    const fields = asFields(raw);
    const identity = fields && identify(fields);
    if (fields === undefined || identity === undefined) return;
    const key = `${cluster ?? ''} ${identity}`;
    const before = entries.get(key);
    if (before?.object !== undefined) engine.drop(cluster, before.object);
    if (gone) {
      entries.delete(key);
      return;
    }
    const diagnostics: Diagnostic[] = [];
    const object = parseObject(fields, cluster, diagnostics, context.settings.serviceProxyName);
    entries.set(key, { object, diagnostics });
    if (object !== undefined) engine.put(cluster, object);
  }

  return {
    apply(changes) {
      for (const change of changes) take(change);
      return engine.settle();
    },
    register(registry) {
      if (namingOf(registry) !== namingOf(context.registry))
        throw new Error('the registry names the clusters otherwise');
      engine.register(registry);
      return engine.settle();
    },
    node: engine.node,
    compilation: () => engine.compilation([...entries.values()].flatMap(({ diagnostics }) => diagnostics)),
  };
}

function namingOf(registry: Registry | undefined): string {
  if (registry === undefined || registry.clusters.length === 0) return '';
  return JSON.stringify([namesIn(registry), registry.clusters.map(({ id }) => id), ownCluster(registry)?.id]);
}
