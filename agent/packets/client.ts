import { strangerTo } from '../../backends/equivalence/questions.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { EndpointRecord } from '../../compiler/merge/record.ts';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { isFromPod, isNodeAddress } from '../../compiler/semantics/place.ts';
import { cidrContains, type Family, familyOf, type IpAddress } from '../../compiler/values/address.ts';
import { UsageError } from '../input/input-error.ts';
import type { Knowledge } from './knowledge.ts';
import type { Sender } from './question.ts';

/** The sender of a packet, as rules see it. */
export interface Client {
  readonly source: IpAddress;
  readonly from: Packet['from'];
  /** For people: `a pod of this node`. */
  readonly who: string;
}

/** The interface where packets arrive that no pod of this node sent, unless the question names another. */
const uplink = { kind: 'interface', name: 'eth0' } as const;

/** The client that a question means, in a family. Throws UsageError if it has no address of that family. */
export function clientOf(sender: Sender, family: Family, known: Knowledge): Client {
  const { node } = known.targets[family];
  if (sender.address !== undefined && familyOf(sender.address) !== family) {
    throw new UsageError(sender.address, `is not an ${family} address, as the destination is`);
  }
  switch (sender.kind) {
    case 'pod':
      return { source: sender.address, from: podInterface(node), who: 'a pod of this node' };
    case 'node':
      return { source: sender.address ?? node.nodeIP, from: { kind: 'node' }, who: 'a process of this node' };
    case 'outside':
      return { source: sender.address ?? anybody(node), from: uplink, who: 'another machine' };
    case 'interface':
      return {
        source: sender.address ?? anybody(node),
        from: { kind: 'interface', name: sender.name },
        who: `somebody on interface ${sender.name}`,
      };
    case 'address':
      return classified(sender.address, node, known);
  }
}

function anybody(node: NodeContext): IpAddress {
  return strangerTo([], node) ?? node.nodeIP;
}

/** The owner of an address, as far as it is known: a pod's node is known only if the pod is an endpoint. */
function classified(source: IpAddress, node: NodeContext, { endpoints, clusterCidrs }: Knowledge): Client {
  if (isNodeAddress(source, node)) return { source, from: { kind: 'node' }, who: 'a process of this node' };
  const here: Client = { source, from: podInterface(node), who: 'a pod of this node' };
  const endpoint = endpoints.find(({ address, leftOut }) => address === source && leftOut !== 'refused');
  if (endpoint?.locality === 'node') return { ...here, who: `a pod of this node (${endpointOf(endpoint)})` };
  if (endpoint !== undefined) {
    const where = endpoint.cluster === undefined ? 'a pod of another node' : `a pod of cluster ${endpoint.cluster}`;
    return { source, from: uplink, who: `${where} (${endpointOf(endpoint)})` };
  }
  if (isFromPod(here, node)) return here;
  const isPod = clusterCidrs.some((cidr) => cidrContains(cidr, source));
  return { source, from: uplink, who: isPod ? 'a pod of another node' : 'another machine' };
}

function endpointOf({ service }: EndpointRecord): string {
  return `an endpoint of ${service}`;
}

/** An interface that rules take for a pod's, if they look at interfaces. */
function podInterface({ localDetector }: NodeContext): Packet['from'] {
  switch (localDetector?.kind) {
    case 'interface':
      return { kind: 'interface', name: localDetector.name };
    case 'interfacePrefix':
      return { kind: 'interface', name: `${localDetector.prefix}0` };
    case 'source':
    case undefined:
      return { kind: 'interface', name: 'veth0' };
  }
}
