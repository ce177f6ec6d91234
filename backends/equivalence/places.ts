import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { type Cidr, type IpAddress, parseAddress } from '../../compiler/values/address.ts';
import { type Port, type Protocol, parsePort, protocols } from '../../compiler/values/port.ts';
import type { Destination, PortOf } from './look.ts';
import { isNodeAddress } from '../../compiler/semantics/place.ts';
import { kindsOf, representatives } from './regions.ts';
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
  /** Ports that a rule knows at whatever address, at one. Adding the same list again costs nothing. */
  addPorts(address: IpAddress, ports: readonly PortOf[]): void;
  /** A network of destinations that a rule asks for. */
  addNetwork(network: Cidr): void;
  /** All that are known by now, looked at or not. */
  count(): number;
  /** The next that was not looked at; undefined: that was all. */
  next(): Place | undefined;
}

interface AtAddress {
  readonly address: IpAddress;
  /** It is told apart at every port, or stands for addresses that are not told apart from it. */
  isOpen: boolean;
  readonly seen: Set<string>;
  readonly lists: Set<readonly PortOf[]>;
  readonly pending: Place[];
  isWaiting: boolean;
  /** The port of each protocol that stands for all that nobody asks for; empty before an open address is looked at. */
  readonly free: Map<Protocol, Port>;
}

/**
 * An address of the node of each kind that rules usually tell apart, and one of nobody, to begin with.
 *
 * An address that programs know at single ports alone, as that of an endpoint, is looked at there. At all other ports it is
 * like every such address that is in the same networks, so one of them is tried there for all: there are tens of thousands.
 */
export function createPlaces(node: NodeContext): Places {
  const all = new Map<IpAddress, AtAddress>();
  const waiting: AtAddress[] = [];
  /** How many of those that wait were looked at. */
  let looked = 0;
  const networks = new Set<Cidr>();
  let known = 0;
  const stoodFor = new Set<Cidr | undefined>();
  let isDoneWith = -1;

  function at(address: IpAddress): AtAddress {
    const found = all.get(address);
    if (found !== undefined) return found;
    const made: AtAddress = {
      address,
      isOpen: false,
      seen: new Set(),
      lists: new Set(),
      pending: [],
      isWaiting: true,
      free: new Map(),
    };
    all.set(address, made);
    waiting.push(made);
    return made;
  }

  function open(address: IpAddress): void {
    const place = at(address);
    if (place.isOpen) return;
    place.isOpen = true;
    wait(place);
  }

  function wait(place: AtAddress): void {
    if (place.isWaiting) return;
    place.isWaiting = true;
    waiting.push(place);
  }

  function add({ address, protocol, port }: Destination): void {
    if (protocol === undefined || port === undefined) {
      open(address);
      return;
    }
    const place = at(address);
    const text = `${protocol} ${port}`;
    if (place.seen.has(text)) return;
    place.seen.add(text);
    if (place.free.get(protocol) === port) addFree(place, protocol);
    place.pending.push({ address, protocol, port });
    known++;
    wait(place);
  }

  function addFree(place: AtAddress, protocol: Protocol): void {
    const port = freePort((candidate) => !place.seen.has(`${protocol} ${candidate}`));
    if (port === undefined) return;
    place.free.set(protocol, port);
    place.pending.push({ address: place.address, protocol, port });
    known++;
  }

  const loopback = parseAddress(node.family === 'IPv4' ? '127.0.0.1' : '::1');
  const answering = node.nodePorts.kind === 'some' ? node.nodePorts.addresses : [];
  const shut = node.addresses.find((address) => !answering.includes(address));
  for (const address of [node.nodeIP, ...node.addresses.slice(0, 1), ...answering.slice(0, 3), shut, loopback]) {
    if (address !== undefined) open(address);
  }
  const nobody = strangerTo([], node);
  if (nobody !== undefined) open(nobody);

  /** Of the addresses that are known at single ports alone, one for each kind that networks tell apart. */
  function openClosed(): void {
    const closed = [...all.values()].filter(({ isOpen }) => !isOpen).map(({ address }) => address);
    const kinds = kindsOf(closed, networks);
    for (const address of closed) {
      const kind = kinds.get(address);
      if (isNodeAddress(address, node)) open(address);
      else if (!stoodFor.has(kind)) {
        stoodFor.add(kind);
        open(address);
      }
    }
  }

  return {
    add,
    addPorts(address, ports) {
      const { lists } = at(address);
      if (lists.has(ports)) return;
      lists.add(ports);
      for (const { protocol, port } of ports) add({ address, protocol, port });
    },
    count: () => known,
    addNetwork: (network) => networks.add(network),
    next() {
      for (;;) {
        const place = waiting[looked];
        if (place === undefined) {
          if (networks.size === isDoneWith) return undefined;
          isDoneWith = networks.size;
          for (const address of representatives(networks)) open(address);
          const outside = strangerTo(networks, node);
          if (outside !== undefined) open(outside);
          openClosed();
          continue;
        }
        if (place.isOpen && place.free.size === 0) for (const protocol of protocols) addFree(place, protocol);
        const next = place.pending.shift();
        if (next !== undefined) return next;
        place.isWaiting = false;
        looked++;
      }
    },
  };
}

/** From above: what Services use is rarely there. */
function freePort(isFree: (port: number) => boolean): Port | undefined {
  for (let port = 65_391; port > 0; port--) if (isFree(port)) return parsePort(port);
  return undefined;
}
