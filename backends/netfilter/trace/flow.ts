import type { Packet } from '../../../compiler/semantics/packet.ts';
import type { Outcome } from '../../../compiler/semantics/verdict.ts';
import type { IpAddress } from '../../../compiler/values/address.ts';
import type { Port } from '../../../compiler/values/port.ts';
import { certain, type Dyadic, dyadicToRational } from '../dyadic.ts';

/** A part of the connections that look like one packet, as it goes through the hooks. */
export interface Flow {
  /** As it was sent. Its source stays: a new one is given last of all. */
  readonly packet: Packet;
  readonly destination: IpAddress;
  readonly destinationPort: Port;
  /** Interface that it arrives on; empty where there is none (a process of the node sends it). */
  readonly inInterface: string;
  readonly mark: number;
  /** Its destination has been translated. */
  readonly isTranslated: boolean;
  readonly isMasqueraded: boolean;
  /** A rule of the filter table has accepted it. */
  readonly isLetIn: boolean;
  readonly share: Dyadic;
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
    share: certain,
  };
}

/** The outcome of a flow that went all the way. */
export function arrived(flow: Flow): Outcome {
  const share = dyadicToRational(flow.share);
  // Another source for what no Service translated would be a change too, and must not pass for none.
  if (flow.isTranslated || flow.isMasqueraded) {
    const { destination: address, destinationPort: port, isMasqueraded: masquerade } = flow;
    return { share, fate: { kind: 'forward', address, port, masquerade } };
  }
  return { share, fate: { kind: flow.isLetIn ? 'accept' : 'untouched' } };
}
