import { clusterObject } from '../merge/own-cluster.ts';
import type { Node } from '../model/node.ts';
import type { Diagnostic } from '../values/diagnostic.ts';

/** The node that is compiled for; without a name no endpoint is node-local. */
export interface ChosenNode {
  readonly name: string | undefined;
  /** undefined: the objects do not hold it, so its zone, addresses and pod ranges are not known. */
  readonly object: Node | undefined;
}

/** The named node, or the only one there is. */
export function chooseNode(nodes: readonly Node[], wanted: string | undefined, diagnostics: Diagnostic[]): ChosenNode {
  if (wanted !== undefined) {
    const object = nodes.find(({ name }) => name === wanted);
    if (object === undefined) {
      diagnostics.push({
        severity: 'warning',
        code: 'node-missing',
        object: { kind: 'Node', name: wanted },
        message: 'is not among the objects; its zone, addresses and pod ranges are unknown',
      });
    }
    return { name: wanted, object };
  }
  const [only] = nodes;
  if (nodes.length === 1 && only !== undefined) return { name: only.name, object: only };
  const found =
    nodes.length === 0 ? 'has no Node object' : `has ${nodes.length} Node objects, and hostnameOverride names none`;
  diagnostics.push({
    severity: nodes.length === 0 ? 'info' : 'warning',
    code: 'node-unknown',
    object: clusterObject,
    message: `${found}; compiling for a node without endpoints`,
  });
  return { name: undefined, object: undefined };
}
