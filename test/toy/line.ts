import type { Frontend } from '../../compiler/ir/ir.ts';
import { type Cidr, type IpAddress, parseAddress, parseCidr } from '../../compiler/values/address.ts';
import { type Port, parsePort, parseProtocol, type Protocol } from '../../compiler/values/port.ts';
import { type Rational, rational } from '../../compiler/values/rational.ts';

/** The subject of a line: a Service port, and where clients dial it. */
export interface Dialled {
  /** `shop/cart:http` */
  readonly servicePort: string;
  readonly kind: Frontend['kind'];
  readonly protocol: Protocol;
  /** undefined: any address of the node. */
  readonly address: IpAddress | undefined;
  readonly port: Port;
}

/** Packets that are forwarded to one endpoint. Adjacent lines share the packets that they match. */
export interface SendLine extends Dialled {
  readonly verb: 'send';
  /** `others`: clients that are neither this node's pods nor the node itself. */
  readonly clients: 'any' | 'pods' | 'node' | 'others';
  /** Networks that may connect; empty: all. */
  readonly from: readonly Cidr[];
  readonly masquerade: 'no' | 'strangers' | 'yes';
  readonly affinity: 'no' | 'client';
  readonly share: Rational;
  readonly endpoint: { readonly address: IpAddress; readonly port: Port };
}

/** `guard` drops packets that were not forwarded; `accept` opens a port of the node itself. */
export interface StopLine extends Dialled {
  readonly verb: 'guard' | 'reject' | 'drop' | 'accept';
}

/** A line of the toy's program. `guard-loopback`: no packet from outside reaches the node's loopback addresses. */
export type Line = SendLine | StopLine | { readonly verb: 'guard-loopback' };

/**
 * A line as it stands in the kernel: words with one space between them.
 *
 *   send shop/cart:http clusterIP TCP 10.96.0.10 80 any all strangers no 1/2 10.1.0.5 8080
 *   reject shop/cart:http nodePort TCP node 30080
 */
export function printLine(line: Line): string {
  if (line.verb === 'guard-loopback') return line.verb;
  const { verb, servicePort, kind, protocol, address = 'node', port } = line;
  const dialled = [verb, servicePort, kind, protocol, address, port];
  if (line.verb !== 'send') return dialled.join(' ');
  const { clients, from, masquerade, affinity, share, endpoint } = line;
  const part = `${share.numerator}/${share.denominator}`;
  const ranges = from.length === 0 ? 'all' : from.join(',');
  return [...dialled, clients, ranges, masquerade, affinity, part, endpoint.address, endpoint.port].join(' ');
}

/** undefined: the text is no line of this vocabulary, or not written as {@link printLine} writes it. */
export function parseLine(text: string): Line | undefined {
  const line = parseWords(text.split(' '));
  return line !== undefined && printLine(line) === text ? line : undefined;
}

const kinds: readonly Frontend['kind'][] = ['clusterIP', 'clusterSetIP', 'externalIP', 'loadBalancerIP', 'nodePort'];

function parseWords([verb, ...words]: readonly string[]): Line | undefined {
  switch (verb) {
    case 'guard-loopback':
      return { verb };
    case 'guard':
    case 'reject':
    case 'drop':
    case 'accept': {
      const dialled = parseDialled(words);
      return dialled && { verb, ...dialled };
    }
    case 'send':
      return parseSend(words);
    default:
      return undefined;
  }
}

function parseDialled([servicePort = '', kindText, protocolText, at, portText]: readonly string[]) {
  const kind = kinds.find((one) => one === kindText);
  const protocol = parseProtocol(protocolText);
  const address = at === 'node' ? undefined : parseAddress(at);
  const port = parsePort(Number(portText));
  const isName = /^[-a-z0-9.]+\/[-a-z0-9.@]+(:[-a-z0-9]+)?$/.test(servicePort);
  if (!isName || kind === undefined || protocol === undefined || port === undefined) return undefined;
  return address === undefined && at !== 'node' ? undefined : { servicePort, kind, protocol, address, port };
}

function parseSend(words: readonly string[]): SendLine | undefined {
  const dialled = parseDialled(words);
  const [clientsText, ranges = '', masqueradeText, affinityText, part = '', to, toPort] = words.slice(5);
  const clients = (['any', 'pods', 'node', 'others'] as const).find((one) => one === clientsText);
  const masquerade = (['no', 'strangers', 'yes'] as const).find((one) => one === masqueradeText);
  const affinity = (['no', 'client'] as const).find((one) => one === affinityText);
  const from = ranges === 'all' ? [] : ranges.split(',').map(parseCidr);
  const [, numerator, denominator] = /^([1-9]\d{0,8})\/([1-9]\d{0,8})$/.exec(part) ?? [];
  const [address, port] = [parseAddress(to), parsePort(Number(toPort))];
  if (dialled === undefined || clients === undefined || masquerade === undefined || affinity === undefined) return;
  if (numerator === undefined || denominator === undefined || address === undefined || port === undefined) return;
  if (!from.every((cidr) => cidr !== undefined)) return undefined;
  const share = rational(BigInt(numerator), BigInt(denominator));
  return { verb: 'send', ...dialled, clients, from, masquerade, affinity, share, endpoint: { address, port } };
}
