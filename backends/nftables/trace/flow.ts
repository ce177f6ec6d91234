import type { Packet } from '../../../compiler/semantics/packet.ts';
import type { Outcome } from '../../../compiler/semantics/verdict.ts';
import type { IpAddress } from '../../../compiler/values/address.ts';
import type { Port } from '../../../compiler/values/port.ts';
import { one, type Rational } from '../../../compiler/values/rational.ts';
import type { EndpointAddress } from '../program/rule.ts';

/** A part of the connections that look like one packet, on its way through the hooks. */
export interface Flow {
  /** As it was sent. Its source stays: a new one is given last of all. */
  readonly packet: Packet;
  readonly destination: IpAddress;
  readonly destinationPort: Port;
  /** Interface that it arrives on; empty where there is none (a process of the node sends it). */
  readonly inInterface: string;
  readonly mark: number;
  readonly isTranslated: boolean;
  readonly isMasqueraded: boolean;
  /** A filter chain has accepted it. */
  readonly isLetIn: boolean;
  readonly share: Rational;
}

export function startFlow(packet: Packet): Flow {
  return {
    packet,
    destination: packet.destination,
    destinationPort: packet.destinationPort,
    inInterface: packet.from.kind === 'interface' ? packet.from.name : '',
    mark: 0,
    isTranslated: false,
    isMasqueraded: false,
    isLetIn: false,
    share: one,
  };
}

export function translated(flow: Flow, { address, port }: EndpointAddress): Flow {
  return { ...flow, destination: address, destinationPort: port, isTranslated: true };
}

/** The outcome of a flow that went all the way. */
export function arrived(flow: Flow): Outcome {
  const { share } = flow;
  // Another source for what no Service translated would be a change too, and must not pass for none.
  if (flow.isTranslated || flow.isMasqueraded) {
    const { destination: address, destinationPort: port, isMasqueraded: masquerade } = flow;
    return { share, fate: { kind: 'forward', address, port, masquerade } };
  }
  return { share, fate: { kind: flow.isLetIn ? 'accept' : 'untouched' } };
}
