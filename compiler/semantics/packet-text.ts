import { endpointText } from '../ir/ir.ts';
import { familyOf, type IpAddress, parseAddress } from '../values/address.ts';
import { type Port, parsePort, protocols, protocolText } from '../values/port.ts';
import type { Packet } from './packet.ts';

/** The interfaces for which `pod` and `outside` stand. */
const interfaces = { pod: 'veth0', outside: 'eth0' } as const;

/**
 * A packet as one line, which {@link parsePacket} reads back:
 *
 *     pod 10.12.0.9 -> 10.13.181.116:80/tcp
 *     outside 192.0.2.1 -> 10.12.0.2:30080/udp, remembers 10.10.0.6:8080
 *     node 2001:db8::2 -> [2001:db8:1::1]:80/sctp
 *     on cali12 10.12.0.9 -> 10.13.181.116:80/tcp
 *
 * `pod` arrives on veth0, `outside` on eth0, `node` begins in a process of the node.
 */
export function formatPacket(packet: Packet): string {
  const to = endpointText({ address: packet.destination, port: packet.destinationPort });
  const remembers = packet.remembered === undefined ? '' : `, remembers ${endpointText(packet.remembered)}`;
  return `${formatOrigin(packet.from)} ${packet.source} -> ${to}/${protocolText(packet.protocol)}${remembers}`;
}

function formatOrigin(from: Packet['from']): string {
  if (from.kind === 'node') return 'node';
  if (from.name === interfaces.pod) return 'pod';
  return from.name === interfaces.outside ? 'outside' : `on ${from.name}`;
}

/** The packet of a line as {@link formatPacket} writes it; undefined for anything else. */
export function parsePacket(line: string): Packet | undefined {
  const pattern = /^(node|pod|outside|on [^\s]+) (\S+) -> (\S+)\/(tcp|udp|sctp)(?:, remembers (\S+))?$/;
  const match = pattern.exec(line);
  if (match === null) return undefined;
  const [, origin = '', sourceText, destinationText = '', lowerProtocol, rememberedText] = match;
  const source = parseAddress(sourceText);
  const destination = parseEndpoint(destinationText);
  const protocol = protocols.find((known) => protocolText(known) === lowerProtocol);
  const remembered = rememberedText === undefined ? undefined : parseEndpoint(rememberedText);
  if (source === undefined || destination === undefined || protocol === undefined) return undefined;
  if (rememberedText !== undefined && remembered === undefined) return undefined;
  const family = familyOf(source);
  if ([destination, remembered].some((other) => other !== undefined && familyOf(other.address) !== family)) {
    return undefined;
  }
  return {
    family,
    protocol,
    source,
    destination: destination.address,
    destinationPort: destination.port,
    from: parseOrigin(origin),
    ...(remembered === undefined ? {} : { remembered }),
  };
}

function parseOrigin(text: string): Packet['from'] {
  if (text === 'node') return { kind: 'node' };
  if (text === 'pod' || text === 'outside') return { kind: 'interface', name: interfaces[text] };
  return { kind: 'interface', name: text.slice('on '.length) };
}

/** `10.0.0.1:80` or `[fd00::1]:80`. */
export function parseEndpoint(text: string): { readonly address: IpAddress; readonly port: Port } | undefined {
  const match = /^(?:\[([0-9a-f:]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(text);
  const address = parseAddress(match?.[1] ?? match?.[2]);
  const port = parsePort(Number(match?.[3]));
  return address === undefined || port === undefined ? undefined : { address, port };
}
