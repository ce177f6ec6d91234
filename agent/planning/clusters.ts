import type { Compilation } from '../../compiler/compile.ts';
import { endpointText } from '../../compiler/ir/ir.ts';
import { type Cidr, cidrContains, parseAddress } from '../../compiler/values/address.ts';
import type { ClusterOf } from './fact-texts.ts';

/**
 * The cluster that an endpoint is in, according to the compiled objects; `local` is the node's own. An endpoint
 * that no object has any more is `local` if its address is in the local pod network.
 */
export function clustersOf({ endpoints }: Compilation, podCidrs: readonly Cidr[]): ClusterOf {
  const clusters = new Map(endpoints.map((record) => [endpointText(record), record.cluster ?? 'local']));
  const isOfPodNetwork = (endpoint: string): boolean => {
    const address = parseAddress(endpoint.slice(0, endpoint.lastIndexOf(':')).replace(/^\[|\]$/g, ''));
    return address !== undefined && podCidrs.some((cidr) => cidrContains(cidr, address));
  };
  return (endpoint) => clusters.get(endpoint) ?? (isOfPodNetwork(endpoint) ? 'local' : undefined);
}
