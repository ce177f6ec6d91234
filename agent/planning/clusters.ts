import type { Compilation } from '../../compiler/compile.ts';
import { endpointText } from '../../compiler/ir/ir.ts';
import { type Cidr, cidrContains, parseAddress } from '../../compiler/values/address.ts';
import type { ClusterOf } from './fact-texts.ts';

/**
 * Which cluster an endpoint is in: as the objects say that were compiled, `local` being the node's
 * own; for one that they hold no more, `local` where its address is of the own pod network.
 */
export function clustersOf({ endpoints }: Compilation, podCidrs: readonly Cidr[]): ClusterOf {
  const clusters = new Map(endpoints.map((record) => [endpointText(record), record.cluster ?? 'local']));
  const isOfPodNetwork = (endpoint: string): boolean => {
    const address = parseAddress(endpoint.slice(0, endpoint.lastIndexOf(':')).replace(/^\[|\]$/g, ''));
    return address !== undefined && podCidrs.some((cidr) => cidrContains(cidr, address));
  };
  return (endpoint) => clusters.get(endpoint) ?? (isOfPodNetwork(endpoint) ? 'local' : undefined);
}
