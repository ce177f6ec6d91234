import type { Compilation, CompileInput } from './compile.ts';
import { viewOf } from './cluster-view.ts';
import { createEngine } from './engine.ts';
import { parseCluster } from './model/objects.ts';
import type { Diagnostic } from './values/diagnostic.ts';
import type { ClusterName } from './values/names.ts';

/**
 * Kubernetes objects of all clusters → what this node must do.
 *
 * Pure, and independent of the order of objects. Bad input never throws: the smallest possible part is left out and
 * reported in `diagnostics`.
 */
export function compile(input: CompileInput): Compilation {
  const diagnostics: Diagnostic[] = [];
  const engine = createEngine(input);
  for (const [cluster, objects] of groupByCluster(input)) {
    for (const object of parseCluster(cluster, objects, diagnostics, input.settings.serviceProxyName)) {
      engine.put(cluster, object);
    }
  }
  engine.settle();
  return engine.compilation(diagnostics);
}

/** Objects of one cluster may come in several parts. */
function groupByCluster(input: CompileInput): Map<ClusterName | undefined, unknown[]> {
  const groups = new Map<ClusterName | undefined, unknown[]>();
  for (const { cluster, objects } of input.clusters) {
    const name = viewOf(cluster, input);
    const group = groups.get(name) ?? [];
    groups.set(name, group);
    for (const object of objects) group.push(object);
  }
  return groups;
}
