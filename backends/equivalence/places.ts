import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { type Cidr, type IpAddress, parseAddress } from '../../compiler/values/address.ts';
import { type Port, type Protocol, parsePort, protocols } from '../../compiler/values/port.ts';
import type { Destination } from './look.ts';
import { representatives } from './regions.ts';
import { strangerTo } from './questions.ts';

/** Where packets can be sent to. */
export interface Place {
  readonly address: IpAddress;
  readonly protocol: Protocol;
  readonly port: Port;
}

/** All places that are told apart, found while they are looked at. */
export interface Places {
  add(destination: Destination): void;
  /** A network of destinations that a rule asks for. */
  addNetwork(network: Cidr): void;
  /** The next that was not looked at; undefined: that was all. */
  next(): Place | undefined;
}

interface AtAddress {
  readonly address: IpAddress;
  readonly seen: Set<string>;
  readonly pending: Place[];
  /** The port of each protocol that stands for all that nobody asks for; empty before the address is looked at. */
  readonly free: Map<Protocol, Port>;
}

/** An address of the node of each kind that rules usually tell apart, and one of nobody. */
export function createPlaces(node: NodeContext): Places {
  const all = new Map<IpAddress, AtAddress>();
  const waiting: AtAddress[] = [];
  const networks = new Set<Cidr>();
  let isDoneWith = 0;

  function at(address: IpAddress): AtAddress {
    const known = all.get(address);
    if (known !== undefined) return known;
    const made: AtAddress = { address, seen: new Set(), pending: [], free: new Map() };
    all.set(address, made);
    waiting.push(made);
    return made;
  }

  function add({ address, protocol, port }: Destination): void {
    const place = at(address);
    if (protocol === undefined || port === undefined) return;
    const text = `${protocol} ${port}`;
    if (place.seen.has(text)) return;
    place.seen.add(text);
    if (place.free.get(protocol) === port) addFree(place, protocol);
    place.pending.push({ address, protocol, port });
    if (place.free.size > 0 && !waiting.includes(place)) waiting.push(place);
  }

  function addFree(place: AtAddress, protocol: Protocol): void {
    const port = freePort((candidate) => !place.seen.has(`${protocol} ${candidate}`));
    if (port === undefined) return;
    place.free.set(protocol, port);
    place.pending.push({ address: place.address, protocol, port });
  }

  const loopback = parseAddress(node.family === 'IPv4' ? '127.0.0.1' : '::1');
  const answering = node.nodePorts.kind === 'some' ? node.nodePorts.addresses : [];
  const shut = node.addresses.find((address) => !answering.includes(address));
  for (const address of [node.nodeIP, ...node.addresses.slice(0, 1), ...answering.slice(0, 3), shut, loopback]) {
    if (address !== undefined) at(address);
  }
  const nobody = strangerTo([], node);
  if (nobody !== undefined) at(nobody);

  return {
    add,
    addNetwork: (network) => networks.add(network),
    next() {
      for (;;) {
        const [place] = waiting;
        if (place === undefined) {
          if (networks.size === isDoneWith) return undefined;
          isDoneWith = networks.size;
          for (const address of representatives(networks)) at(address);
          const outside = strangerTo(networks, node);
          if (outside !== undefined) at(outside);
          continue;
        }
        if (place.free.size === 0) for (const protocol of protocols) addFree(place, protocol);
        const next = place.pending.shift();
        if (next !== undefined) return next;
        waiting.shift();
      }
    },
  };
}

/** From above: what Services use is rarely there. */
function freePort(isFree: (port: number) => boolean): Port | undefined {
  for (let port = 65_391; port > 0; port--) if (isFree(port)) return parsePort(port);
  return undefined;
}
