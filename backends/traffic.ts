import type { IpAddress } from '../compiler/values/address.ts';
import type { Port, Protocol } from '../compiler/values/port.ts';

/** Which endpoints a connection has a choice of: all that the Service port has, or those of this node. */
export type Pool = 'cluster' | 'local';
export type ByPool = Readonly<Record<Pool, number>>;

/** What a kernel has counted of one endpoint since it began to count. A counter that goes back has started again. */
export interface EndpointTraffic {
  /** `shop/cart:http`, from the kernel's own names; undefined: they do not show it. */
  readonly servicePort: string | undefined;
  /** What clients dialled; undefined: all places of the Service port are counted together. */
  readonly dialled: DialledPlace | undefined;
  readonly protocol: Protocol;
  /** `10.1.0.5:8080`, `[fd00::5]:8080` */
  readonly endpoint: string;
  readonly connections: number;
  /**
   * Connections for which this endpoint was chosen out of each pool. Their counters can be younger than that of all connections.
   * undefined: the kernel does not show it; where `dialled` is known, it follows from the place.
   */
  readonly byPool?: ByPool | undefined;
  /** Of all packets, in both directions; undefined: only connections are counted. */
  readonly volume: Volume | undefined;
  /** Each new connection comes here with the chance of the endpoint's share, or in turns that come to the same. */
  readonly followsShares: boolean;
}

/** address   undefined: any address of the node */
export interface DialledPlace {
  readonly address: IpAddress | undefined;
  readonly port: Port;
}

export interface Volume {
  readonly packets: number;
  readonly bytes: number;
}

export interface TrafficReading {
  /** In no order. One endpoint of a Service port can be in it more than once: then the counts add up. */
  readonly counts: readonly EndpointTraffic[];
  /** Why connections are not counted, for people; undefined: they are. */
  readonly uncounted: string | undefined;
}

/** Reads what the kernel counts in one family, again and again, and changes nothing. */
export interface TrafficMeter {
  /** For people: `the kernel (nft)`. */
  readonly source: string;
  /** throws   BackendError */
  read(): Promise<TrafficReading>;
}
