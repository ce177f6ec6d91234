import type { Frontend, ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { servesNodePorts } from '../../compiler/semantics/place.ts';
import { type Family, families, familyOf, type IpAddress } from '../../compiler/values/address.ts';
import { servicePortText } from '../../compiler/values/names.ts';
import { type Port, type Protocol, protocolText } from '../../compiler/values/port.ts';
import { InputError, UsageError } from '../input/input-error.ts';
import { isTarget } from '../input/selection.ts';
import { type Client, clientOf } from './client.ts';
import type { Knowledge } from './knowledge.ts';
import type { Destination, Question } from './question.ts';
import type { Via } from './via.ts';

/** A packet in question, and its sender. */
export interface AskedPacket {
  readonly packet: Packet;
  /** undefined: the question named the exact packet. */
  readonly who: string | undefined;
}

/**
 * The packets that a question means: one, or one for each frontend.
 *
 * via      undefined: a Service's first frontend, which is its cluster IP
 * throws   UsageError if the Service lacks what is asked for, InputError if no such Service is served
 */
export function askedPackets(question: Question, via: Via | undefined, known: Knowledge): readonly AskedPacket[] {
  if (question.kind === 'packet') {
    noVia(via);
    return [{ packet: question.packet, who: undefined }];
  }
  const { sender, destination } = question;
  if (destination.kind === 'place') {
    noVia(via);
    const family = familyOf(destination.address);
    return [asked(clientOf(sender, family, known), family, destination)];
  }
  const family = sender.address === undefined ? undefined : familyOf(sender.address);
  const port = portOf(destination, family, known);
  const client = clientOf(sender, port.family, known);
  const { node } = known.targets[port.family];
  return frontendsBy(via, port, node).map(({ address, port: number }) =>
    asked(client, port.family, { address, port: number, protocol: port.protocol }),
  );
}

function noVia(via: Via | undefined): void {
  if (via !== undefined)
    throw new UsageError(`--via ${via}`, 'applies to a Service name, but the destination is an address');
}

interface Place {
  readonly address: IpAddress;
  readonly port: Port;
  readonly protocol: Protocol;
}

function asked({ source, from, who }: Client, family: Family, { address, port, protocol }: Place): AskedPacket {
  return { packet: { family, protocol, source, destination: address, destinationPort: port, from }, who };
}

/** The one Service port that the question means. */
function portOf(
  { service, protocol }: Extract<Destination, { kind: 'service' }>,
  family: Family | undefined,
  { targets, whyAbsent }: Knowledge,
): ServicePortIR {
  const name = service.port === undefined ? service.service : `${service.service}:${service.port}`;
  const all = families.flatMap((one) => targets[one].services.filter((ir) => isTarget(ir, service)));
  if (all.length === 0) {
    const object = { kind: 'Service', name };
    throw new InputError([{ severity: 'error', code: 'not-served', object, message: whyAbsent(service) }]);
  }
  const ofFamily = all.filter((ir) => family === undefined || ir.family === family);
  if (ofFamily.length === 0) throw new UsageError(name, `has no ${family} address, as the sender has`);
  const wanted = protocol === undefined ? ofFamily : ofFamily.filter((ir) => ir.protocol === protocol);
  if (wanted.length === 0) {
    throw new UsageError(name, `is not served over ${protocol}, but as ${portsText(ofFamily)}`);
  }
  // A Service comes before the import of its name, and the first family before the second.
  const [first] = wanted;
  const together = wanted.filter((ir) => ir.service === first?.service && ir.family === first.family);
  const overTcp = together.filter((ir) => ir.protocol === 'TCP');
  const [port, other] = service.port !== undefined && overTcp.length > 0 ? overTcp : together;
  if (port === undefined || other !== undefined)
    throw new UsageError(name, `has several ports: ${portsText(together)}`);
  return port;
}

function portsText(ports: readonly ServicePortIR[]): string {
  const texts = ports.map(({ service, portName, protocol, frontends }) => {
    const [frontend] = frontends;
    const named = portName === '' && frontend !== undefined ? `${service}:${frontend.port}` : undefined;
    return `${named ?? servicePortText(service, portName)}/${protocolText(protocol)}`;
  });
  return [...new Set(texts)].join(', ');
}

const kindsBy: Readonly<Record<Exclude<Via, 'all'>, readonly Frontend['kind'][]>> = {
  'cluster-ip': ['clusterIP', 'clusterSetIP'],
  external: ['externalIP'],
  'load-balancer': ['loadBalancerIP'],
  'node-port': ['nodePort'],
};

/** The word for a frontend in a question; it means the first frontend of that kind. */
export function viaOf({ kind }: Frontend): Exclude<Via, 'all'> {
  switch (kind) {
    case 'clusterIP':
    case 'clusterSetIP':
      return 'cluster-ip';
    case 'externalIP':
      return 'external';
    case 'loadBalancerIP':
      return 'load-balancer';
    case 'nodePort':
      return 'node-port';
  }
}

function frontendsBy(
  via: Via | undefined,
  { service, portName, frontends }: ServicePortIR,
  node: NodeContext,
): readonly { readonly address: IpAddress; readonly port: Port }[] {
  const meant =
    via === undefined || via === 'all' ? frontends : frontends.filter(({ kind }) => kindsBy[via].includes(kind));
  const places = meant.flatMap((frontend) => {
    const address = frontend.kind === 'nodePort' ? nodePortAddress(node) : frontend.address;
    return address === undefined ? [] : [{ address, port: frontend.port }];
  });
  const [first] = places;
  if (first === undefined) {
    const has = [...new Set(frontends.map(viaOf))].join(', ');
    const why =
      meant.length > 0
        ? 'has a node port, but node ports are not served at any address of this node'
        : `has no such frontend, but ${has}`;
    throw new UsageError(servicePortText(service, portName), why);
  }
  return via === 'all' ? places : [first];
}

/** The address where node ports answer: the node's own if they answer there. */
function nodePortAddress(node: NodeContext): IpAddress | undefined {
  const answering = node.nodePorts.kind === 'some' ? node.nodePorts.addresses : node.addresses;
  return servesNodePorts(node.nodeIP, node) ? node.nodeIP : answering[0];
}
