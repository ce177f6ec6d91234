import type { Compilation } from '../../compiler/compile.ts';
import { endpointText } from '../../compiler/ir/ir.ts';
import type { ClusterOf } from './sentences.ts';

/** Which cluster an endpoint is in, by the objects that were compiled: `local` is the node's own. */
export function clustersOf({ endpoints }: Compilation): ClusterOf {
  const clusters = new Map(endpoints.map((record) => [endpointText(record), record.cluster ?? 'local']));
  return (endpoint) => clusters.get(endpoint);
}
