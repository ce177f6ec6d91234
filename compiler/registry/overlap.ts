import { type Cidr, cidrsOverlap } from '../values/address.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import type { RegisteredCluster, Registry } from './registry.ts';

/**
 * Ranges of two clusters that intersect (O5). In every flat multi-cluster network ranges must be disjoint, and no other
 * component checks it. So one warning for each pair of ranges shows the fault before traffic does.
 */
export function overlappingRanges(registry: Registry): Diagnostic[] {
  const found: Diagnostic[] = [];
  const clusters = registry.clusters.filter((cluster) => !cluster.removed);
  clusters.forEach((first, i) => {
    for (const second of clusters.slice(i + 1)) {
      for (const [aName, a] of ranges(first)) {
        for (const [bName, b] of ranges(second)) {
          if (!cidrsOverlap(a, b)) continue;
          found.push({
            severity: 'warning',
            code: 'registered-cidr-overlap',
            object: { kind: 'ClusterRegistry', name: first.id },
            field: aName,
            message:
              `${a} intersects ${b}, ${bName} of cluster ${second.id}; packets to the common addresses reach ` +
              'only one of the two. Both are used; give the clusters disjoint ranges',
          });
        }
      }
    }
  });
  return found;
}

function* ranges(cluster: RegisteredCluster): Generator<readonly [string, Cidr]> {
  for (const cidr of cluster.podCidrs) yield ['podCIDRs', cidr];
  for (const cidr of cluster.serviceCidrs) yield ['serviceCIDRs', cidr];
  for (const cidr of cluster.nodeCidrs) yield ['nodeCIDRs', cidr];
}
