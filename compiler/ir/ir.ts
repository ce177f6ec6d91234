import type { Cidr, Family, IpAddress } from '../values/address.ts';
import type { Brand } from '../values/brand.ts';
import type { ClusterName, PortName, ServiceKey, ServicePortId } from '../values/names.ts';
import type { ObjectRef } from '../values/object-ref.ts';
import type { Port, Protocol } from '../values/port.ts';

/** sha-256 of all that a ServicePortIR means: everything but `hash` and `origin` (hash.ts). */
export type ContentHash = Brand<string, 'ContentHash'>;

/**
 * An address and port that clients dial.
 *
 * Kinds stand in this order in an IR; within a kind the order of the object's own list is
 * kept, because kube-proxy's KUBE-FW chains show it.
 */
export type Frontend =
  | { readonly kind: 'clusterIP'; readonly address: IpAddress; readonly port: Port }
  /** VIP of a ServiceImport. Behaves as a cluster IP. */
  | { readonly kind: 'clusterSetIP'; readonly address: IpAddress; readonly port: Port }
  | { readonly kind: 'externalIP'; readonly address: IpAddress; readonly port: Port }
  /** sourceRanges: in the object's order; empty means open to everyone. */
  | {
      readonly kind: 'loadBalancerIP';
      readonly address: IpAddress;
      readonly port: Port;
      readonly sourceRanges: readonly Cidr[];
    }
  | { readonly kind: 'nodePort'; readonly port: Port };

export interface Endpoint {
  readonly address: IpAddress;
  readonly port: Port;
  /** Integer of at least 1, relative within its pool. All equal unless a policy says otherwise. */
  readonly weight: number;
  /** Runs on this node. */
  readonly local: boolean;
  /**
   * Every connection to it gets the node's source address (policy masqueradeRemote). Hairpin connections are another
   * matter.
   */
  readonly masquerade: boolean;
  /** Source cluster; undefined: the local cluster. For comments and explain; never changes a verdict. */
  readonly cluster: ClusterName | undefined;
}

/**
 * An endpoint as the merge knows it, in any state. Backends need it for what does not
 * depend on the choice of endpoints: hairpin, health answers, connections to keep.
 */
export interface KnownEndpoint {
  readonly address: IpAddress;
  readonly port: Port;
  readonly local: boolean;
  readonly ready: boolean;
  readonly serving: boolean;
}

/** What happens to a new connection. */
export type Route =
  | { readonly kind: 'forward'; readonly pool: 'cluster' | 'local' }
  | { readonly kind: 'reject'; readonly why: 'no-endpoints' }
  | { readonly kind: 'drop'; readonly why: 'no-local-endpoints' };

/**
 * What this node must do for one Service port in one IP family.
 *
 * Flat per port and family: the smallest part that can change alone, and the largest that shares
 * nothing with another. So it is the unit that is hashed, lowered, quarantined and explained. Decided, not
 * declarative: readiness, topology, traffic policies and cluster weights are already applied,
 * so backends cannot disagree about them. Sorted throughout: equal meaning is an equal value.
 */
export interface ServicePortIR {
  readonly id: ServicePortId;
  readonly service: ServiceKey;
  /** Empty for the unnamed port. */
  readonly portName: PortName;
  readonly family: Family;
  readonly protocol: Protocol;
  readonly frontends: readonly Frontend[];
  /**
   * Endpoints for new connections, by the text `ip:port` (kube-proxy's order); empty when unused.
   * External-Local Services still send traffic that began on the node or in its pods to `cluster`.
   */
  readonly pools: { readonly cluster: readonly Endpoint[]; readonly local: readonly Endpoint[] };
  /** For clusterIP and clusterSetIP. */
  readonly internal: Route;
  /** For the other kinds. */
  readonly external: Route;
  /** externalTrafficPolicy Local: outside clients keep their address and only reach `local`. */
  readonly keepClientAddress: boolean;
  readonly affinity: { readonly kind: 'none' } | { readonly kind: 'clientIP'; readonly seconds: number };
  /** Opened on the node for load balancers' health checks; undefined if the Service has none. */
  readonly healthCheckNodePort: Port | undefined;
  /** Every endpoint known for this port, by `ip:port`. */
  readonly known: readonly KnownEndpoint[];
  readonly hash: ContentHash;
  /** Objects it came from. Not hashed. */
  readonly origin: readonly ObjectRef[];
}

/** Where clients dial, for people: `10.96.0.10:80`, `node port 30080`. */
export function frontendText(frontend: Frontend): string {
  return frontend.kind === 'nodePort' ? `node port ${frontend.port}` : endpointText(frontend);
}

/** `10.0.0.1:80` or `[fd00::1]:80`: kube-proxy's endpoint string, hashed, printed and sorted by. */
export function endpointText(endpoint: { readonly address: IpAddress; readonly port: Port }): string {
  return endpoint.address.includes(':')
    ? `[${endpoint.address}]:${endpoint.port}`
    : `${endpoint.address}:${endpoint.port}`;
}
