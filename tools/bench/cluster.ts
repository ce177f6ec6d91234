import type { Target } from '../../backends/target.ts';
import type { ClusterObjects } from '../../compiler/compile.ts';
import { compile } from '../../compiler/index.ts';
import type { Registry } from '../../compiler/registry/registry.ts';
import { defaultSettings } from '../../compiler/settings.ts';

/** The target that every backend gets from one cluster's objects, in IPv4. */
export function wantedOf(objects: readonly unknown[]): Target {
  return wantedOfAll([{ cluster: undefined, objects }]);
}

/** The same from several clusters. throws   where any part of the objects is refused: all of them must count */
export function wantedOfAll(clusters: readonly ClusterObjects[], registry?: Registry): Target {
  const { services, node, diagnostics } = compile({
    clusters,
    settings: defaultSettings,
    nodeName: 'bench',
    localAddresses: undefined,
    ...(registry && { registry }),
  });
  const bad = diagnostics.find(({ severity }) => severity !== 'info');
  if (bad !== undefined) throw new Error(`the generated objects are not valid: ${bad.message}`);
  return { services: services.IPv4, node: node.IPv4 };
}
