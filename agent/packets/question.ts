import type { Packet } from '../../compiler/semantics/packet.ts';
import { parseEndpoint, parsePacket } from '../../compiler/semantics/packet-text.ts';
import { type IpAddress, parseAddress } from '../../compiler/values/address.ts';
import { nearestName } from '../../compiler/values/nearest.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { type Port, type Protocol, protocols } from '../../compiler/values/port.ts';
import { UsageError } from '../input/input-error.ts';
import { parseTarget, type Target } from '../input/asked.ts';

/** The sender of a packet, as the question names it. */
export type Sender =
  /** The owner of this address, as far as it is known. */
  | { readonly kind: 'address' | 'pod'; readonly address: IpAddress }
  /** address   undefined: any suitable one */
  | { readonly kind: 'node' | 'outside'; readonly address: IpAddress | undefined }
  | { readonly kind: 'interface'; readonly name: string; readonly address: IpAddress | undefined };

/** The destination, as the question names it. */
export type Destination =
  | { readonly kind: 'place'; readonly address: IpAddress; readonly port: Port; readonly protocol: Protocol }
  /** protocol   undefined: TCP if the port has it */
  | { readonly kind: 'service'; readonly service: Target; readonly protocol: Protocol | undefined };

export type Question =
  | { readonly kind: 'packet'; readonly packet: Packet }
  | { readonly kind: 'way'; readonly sender: Sender; readonly destination: Destination };

/**
 * Parses the words of a command line: a sender, then a destination. `->` may stand between them, or all may be
 * one word, as `formatPacket` writes packets: then exactly that packet is meant.
 * throws   UsageError
 */
export function parseQuestion(words: readonly string[]): Question {
  const text = words.join(' ').trim();
  const packet = parsePacket(text);
  if (packet !== undefined) return { kind: 'packet', packet };
  const [before, after, ...more] = text.split(/\s*->\s*/);
  const all = (before ?? '').split(/\s+/).filter((word) => word !== '');
  const to = after ?? all.pop();
  if (to === undefined || more.length > 0 || all.length === 0) {
    throw new UsageError(printable(text), 'is not a packet; give a sender and a destination: 10.1.0.9 shop/cart:http');
  }
  return { kind: 'way', sender: parseSender(all), destination: parseDestination(to) };
}

const senderForms = 'an address, pod ADDRESS, node, outside, or an interface';

function parseSender(words: readonly string[]): Sender {
  const [first = '', second, third] = words;
  const text = printable(words.join(' '));
  const addressed = (word: string): IpAddress => {
    const address = parseAddress(word);
    if (address === undefined) throw new UsageError(text, `${printable(word)} is not an address`);
    return address;
  };
  const most = first === 'on' ? 3 : 2;
  if (words.length > most) throw new UsageError(text, `is not a sender; give ${senderForms}`);
  switch (first) {
    case 'pod':
      if (second === undefined) throw new UsageError(text, "lacks the pod's address: pod 10.1.0.9");
      return { kind: 'pod', address: addressed(second) };
    case 'node':
    case 'outside':
      return { kind: first, address: second === undefined ? undefined : addressed(second) };
    case 'on':
      return interfaceSender(second ?? '', third === undefined ? undefined : addressed(third), text);
  }
  const address = parseAddress(first);
  if (address === undefined) {
    return interfaceSender(first, second === undefined ? undefined : addressed(second), text);
  }
  if (second !== undefined) throw new UsageError(text, `is not a sender; give ${senderForms}`);
  return { kind: 'address', address };
}

/** Other meanings that a single word may have had. */
const words = ['pod', 'node', 'outside', 'packet', 'service'];

function interfaceSender(name: string, address: IpAddress | undefined, text: string): Sender {
  // Names that a kernel accepts (IFNAMSIZ, dev_valid_name) and that can be printed unchanged.
  if (!/^[!-~]{1,15}$/.test(name) || /[/:]/.test(name))
    throw new UsageError(text, `is not a sender; give ${senderForms}`);
  const meant = /\d/.test(name) ? undefined : nearestName(name, words);
  if (meant !== undefined) throw new UsageError(text, `is not a sender (did you mean ${meant}?); give ${senderForms}`);
  return { kind: 'interface', name, address };
}

function parseDestination(text: string): Destination {
  const [, head = '', word] = /^(.*?)(?:\/(tcp|udp|sctp))?$/i.exec(text) ?? [];
  const protocol = protocols.find((known) => known === word?.toUpperCase());
  const endpoint = parseEndpoint(head.toLowerCase());
  if (endpoint !== undefined) return { kind: 'place', ...endpoint, protocol: protocol ?? 'TCP' };
  const service = parseTarget(head);
  if (service !== undefined) return { kind: 'service', service, protocol };
  // A Service may have the name tcp.
  const whole = parseTarget(text);
  if (whole !== undefined) return { kind: 'service', service: whole, protocol: undefined };
  const forms = 'ADDRESS:PORT[/PROTOCOL], [IPV6]:PORT, or a Service: NAMESPACE/NAME[:PORT][/PROTOCOL]';
  throw new UsageError(printable(text), `is not a destination; give ${forms}`);
}
