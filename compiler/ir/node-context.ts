import type { Contested } from './contested.ts';
import type { Cidr, Family, IpAddress } from '../values/address.ts';
import type { ChainPrefix, InterfaceName, IpvsScheduler } from '../settings.ts';

/** How a packet of one of this node's pods is recognised. */
export type LocalDetector =
  | { readonly kind: 'source'; readonly cidr: Cidr }
  | { readonly kind: 'interface'; readonly name: InterfaceName }
  | { readonly kind: 'interfacePrefix'; readonly prefix: InterfaceName };

/**
 * What one family's rules depend on in the node, and nothing else.
 * A pure function of the Node object, the settings and the node's addresses.
 */
export interface NodeContext {
  readonly family: Family;
  /** All of the node's addresses of this family except loopback, sorted. Some may be missing when compiling elsewhere. */
  readonly addresses: readonly IpAddress[];
  /** The node's own address; 127.0.0.1 or ::1 where it has none of this family. */
  readonly nodeIP: IpAddress;
  /** undefined: the rules cannot tell traffic of pods from other traffic. */
  readonly localDetector: LocalDetector | undefined;
  readonly masqueradeAll: boolean;
  readonly masqueradeBit: number;
  /**
   * `all`: every local address. `some`: just these, already narrowed to the node's own, sorted;
   * loopback is among them only if node ports answer there.
   */
  readonly nodePorts:
    | { readonly kind: 'all'; readonly loopback: boolean }
    | { readonly kind: 'some'; readonly addresses: readonly IpAddress[]; readonly loopback: boolean };
  readonly conntrackTcpBeLiberal: boolean;
  /** Rules count connections to each endpoint, also where the backend leaves counting to choice. */
  readonly countsTraffic: boolean;
  /** Rules count in kube-proxy's two accounting objects, where the backend has such rules. */
  readonly packetCounters: boolean;
  readonly chainPrefix: ChainPrefix;
  /** Of this family. */
  readonly contested: Contested;
  /** Exactly kube-proxy v1.30's rules. */
  readonly compat: boolean;
  readonly ipvs: {
    readonly scheduler: IpvsScheduler;
    readonly strictArp: boolean;
    readonly excludeCidrs: readonly Cidr[];
  };
}
