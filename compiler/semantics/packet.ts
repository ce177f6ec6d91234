import type { Family, IpAddress } from '../values/address.ts';
import type { Port, Protocol } from '../values/port.ts';
import type { Rational } from '../values/rational.ts';

/** The first packet of a connection, as it enters this node's packet path. */
export interface Packet {
  readonly family: Family;
  readonly protocol: Protocol;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly destinationPort: Port;
  /** Where it begins: in a process of this node, or on the network interface where it arrives. */
  readonly from: { readonly kind: 'node' } | { readonly kind: 'interface'; readonly name: string };
  /** The endpoint that session affinity remembers for this client; absent: none, or too long ago. */
  readonly remembered?: { readonly address: IpAddress; readonly port: Port };
}

/** One endpoint's part of the new connections that look like a packet. */
export interface Share {
  readonly address: IpAddress;
  readonly port: Port;
  readonly share: Rational;
  /** The endpoint sees an address of this node instead of the client's. */
  readonly masquerade: boolean;
}

/** What happens to a packet. */
export type Verdict =
  /** Sorted by `ip:port`, one entry an endpoint and masquerade; shares add up to 1. */
  | { readonly kind: 'forward'; readonly to: readonly Share[] }
  | { readonly kind: 'reject' }
  | { readonly kind: 'drop' }
  /** Let in to the node itself by one of slicewright's rules (health check node port). */
  | { readonly kind: 'accept' }
  /** Not slicewright's concern: the packet goes on as if slicewright's rules did not exist. */
  | { readonly kind: 'untouched' }
  /** The connections have different fates: all shares together add up to 1. */
  | { readonly kind: 'mixed'; readonly to: readonly Share[]; readonly rest: readonly OtherShare[] };

/**
 * Connections that reach no endpoint, while others do: for example, one endpoint of several has an address that
 * rejects.
 */
export interface OtherShare {
  readonly fate: 'reject' | 'drop' | 'accept' | 'untouched';
  readonly share: Rational;
}

/** A verdict with the rules that led to it, for people. */
export interface Trace {
  readonly verdict: Verdict;
  readonly steps: readonly TraceStep[];
}

export interface TraceStep {
  /** `nat KUBE-SVC-ICRL3RCP3N62CZN4`, `virtual server 10.0.0.1:80/TCP`. */
  readonly where: string;
  /** The rule or entry in its program's own text. */
  readonly rule: string;
  /** Part of the connections that got here and matched. */
  readonly share: Rational;
  /** 0: where packets begin; otherwise the nearest earlier step whose depth is one less led here. */
  readonly depth: number;
  /** Set when the tracer could not follow the rule and went on as if it had not matched. */
  readonly skipped?: 'not understood' | 'no such chain' | 'loop';
  /** A rule of another program that comes before the examined rules. */
  readonly ofOthers?: true;
}
