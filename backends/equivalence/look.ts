import type { Packet, Trace } from '../../compiler/semantics/packet.ts';
import type { Cidr, IpAddress } from '../../compiler/values/address.ts';
import type { Port, Protocol } from '../../compiler/values/port.ts';

/** A program, as far as packets meet it. */
export interface Look {
  trace(packet: Packet, how?: LookOptions): Trace;
  /**
   * Destinations that it finds by looking them up, so that it never asks for one while a packet to another passes. A
   * destination without a port is an address that it knows.
   */
  destinations(): Iterable<Destination>;
}

export interface LookOptions {
  /** Only the verdict is asked for: of the steps, those that could not be followed. */
  readonly brief?: boolean;
  /** Called with every question that a packet's way depends on. */
  readonly asked?: Asked;
}

export type Asked = (question: Question) => void;

/** What a rule asks of a packet as it was sent. A packet whose answers are the same takes the same way. */
export type Question =
  | { readonly kind: 'source' | 'destination'; readonly network: Cidr }
  | ({ readonly kind: 'port' } & PortOf)
  /** Many at once: the same list is the same question, so it is gone through once. */
  | { readonly kind: 'ports'; readonly ports: readonly PortOf[] }
  /** prefix: any interface whose name begins so. */
  | { readonly kind: 'interface'; readonly name: string; readonly prefix: boolean }
  /** Whether session affinity remembers the client at this endpoint. */
  | { readonly kind: 'remembered'; readonly address: IpAddress; readonly port: Port };

/** A destination port of a protocol. */
export interface PortOf {
  readonly protocol: Protocol;
  readonly port: Port;
}

export interface Destination {
  readonly address: IpAddress;
  readonly protocol?: Protocol;
  readonly port?: Port;
  /**
   * For an address without a port: where it is looked up, such as a set's name. A program treats addresses of the same sets
   * alike, at each port that it does not look up together with one of them. Absent: this address is like no other.
   */
  readonly among?: string;
}
