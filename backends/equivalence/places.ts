import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { type Cidr, hostCidr, type IpAddress, parseAddress } from '../../compiler/values/address.ts';
import { type Port, type Protocol, parsePort, protocols } from '../../compiler/values/port.ts';
import { isNodeAddress } from '../../compiler/semantics/place.ts';
import { type AddressClass, addressClasses, type KnownAddress } from './address-classes.ts';
import type { Destination, PortOf } from './look.ts';
import { addressIn, kindsOf, representatives } from './regions.ts';
import { strangerTo } from './questions.ts';

/** Where packets can be sent to. */
export interface Place {
  readonly address: IpAddress;
  readonly protocol: Protocol;
  readonly port: Port;
}

/** All places that are told apart, found while they are looked at. */
export interface Places {
  /**
   * What a program looks up by destination: all before the first place is looked at.
   *
   * by   whose look-ups these are
   */
  addAll(destinations: Iterable<Destination>, by: string): void;
  /** Whether a program looks up this very address and port, so that no other place is like it. */
  isNamed(place: Place): boolean;
  /** A port that a rule knows at whatever address, asked of a packet to an address. */
  addPort(address: IpAddress, port: PortOf): void;
  /** Many of them. Adding the same list again costs nothing. */
  addPorts(address: IpAddress, ports: readonly PortOf[]): void;
  /** A network of destinations that a rule asks for. */
  addNetwork(network: Cidr): void;
  /** One place of a class did not show what happens to all packets: tries another address of the class at its port. */
  tryElsewhere(place: Place): void;
  /** All that are known by now, looked at or not. */
  count(): number;
  /** The next that was not looked at; undefined: that was all. */
  next(): Place | undefined;
}

/*
 * Where an address and a port are looked up together, that place is like no other and is tried. All other places of an
 * address are told from those of another address by what rules ask about the address alone: the networks and sets that hold
 * it, and whether it is the node's. So a port that rules know at any address, such as a node port, is tried once for each
 * class of addresses that get the same answers. Each of ten thousand addresses with each of thousands of node ports
 * would be tens of millions.
 *
 * Every open address is looked at once more at a port that no rule asks for, so that a difference at all of its ports has
 * its name. An address that is looked up at single ports only, such as an endpoint's, is not: there are tens of thousands.
 */

/** Starts with an address of the node of each kind that rules usually tell apart, and one that is not the node's. */
export function createPlaces(node: NodeContext): Places {
  const all = new Map<IpAddress, KnownAddress>();
  const waiting: KnownAddress[] = [];
  /** How many of those that wait were looked at. */
  let looked = 0;
  const networks = new Set<Cidr>();
  const singles = new Map<string, readonly PortOf[]>();
  let known = 0;
  const stoodFor = new Set<Cidr | undefined>();
  let isDoneWith = -1;

  function at(address: IpAddress): KnownAddress {
    const found = all.get(address);
    if (found !== undefined) return found;
    const made: KnownAddress = {
      address,
      isOpen: false,
      named: new Set(),
      among: new Set(),
      asked: new Set(),
      tried: new Set(),
      lacking: new Set(),
      pending: [],
      isWaiting: false,
      free: new Map(),
    };
    all.set(address, made);
    return made;
  }

  function open(address: IpAddress): KnownAddress {
    const place = at(address);
    if (!place.isOpen) {
      place.isOpen = true;
      wait(place);
    }
    return place;
  }

  function wait(place: KnownAddress): void {
    if (place.isWaiting) return;
    place.isWaiting = true;
    waiting.push(place);
  }

  function tryAt(place: KnownAddress, { protocol, port }: PortOf): void {
    place.pending.push({ address: place.address, protocol, port });
    known++;
    wait(place);
  }

  function add({ address, protocol, port, among }: Destination, by: string): void {
    if (protocol === undefined || port === undefined) {
      open(address).among.add(`${by} ${among ?? address}`);
      return;
    }
    const place = at(address);
    const key = portKey({ protocol, port });
    if (place.named.has(key)) return;
    place.named.add(key);
    tryAt(place, { protocol, port });
  }

  function addFree(place: KnownAddress, protocol: Protocol): void {
    const isTaken = (port: number) => {
      const key = `${protocol} ${port}`;
      return place.named.has(key) || [...place.asked].some((ports) => keysOf(ports).has(key));
    };
    const port = freePort(isTaken);
    if (port === undefined) return;
    place.free.set(protocol, port);
    tryAt(place, { protocol, port });
  }

  function addPorts(address: IpAddress, ports: readonly PortOf[]): void {
    const place = at(address);
    if (place.asked.has(ports)) return;
    place.asked.add(ports);
    for (const [protocol, port] of place.free) {
      if (keysOf(ports).has(`${protocol} ${port}`)) addFree(place, protocol);
    }
  }

  for (const address of firstAddresses(node)) open(address);

  /** Addresses that represent only themselves, not their networks: those in sets, and the node's own. */
  function special(): Cidr[] {
    const inSets = [...all.values()].filter(({ among }) => among.size > 0).map(({ address }) => address);
    return [...inSets, ...node.addresses].map(hostCidr);
  }

  /** Of addresses that are looked up at single ports only, opens the node's and one for each other kind. */
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

  /** Each port that is asked for at addresses of a class, at one of them where it is not looked up. */
  function tryClasses(): void {
    const opened = [...all.values()].filter(({ isOpen }) => isOpen);
    for (const one of addressClasses(opened, networks, node)) {
      const tried = new Set(one.members.flatMap(({ tried, lacking }) => [...tried].filter((key) => !lacking.has(key))));
      // What one lacks the next one shows.
      const lacking = one.members.flatMap((member) => [...member.lacking]);
      for (const [key, times] of countsOf(lacking)) if (times > 1) tried.add(key);
      for (const port of [...new Set(one.members.flatMap(({ asked }) => [...asked]))].flat()) {
        const key = portKey(port);
        if (tried.has(key)) continue;
        tried.add(key);
        const member = one.members.find((member) => !member.named.has(key) && !member.lacking.has(key)) ?? unnamed(one);
        if (member === undefined) continue;
        member.tried.add(key);
        tryAt(member, port);
      }
    }
  }

  /** One more address of a class, which no rule looks up; undefined: rules look up all addresses that the class has. */
  function unnamed({ others }: AddressClass): KnownAddress | undefined {
    if (others === 'nowhere') return undefined;
    const address =
      others === 'elsewhere'
        ? strangerTo([...networks, ...[...all.keys()].map(hostCidr)], node)
        : addressIn(others, networks, all.keys());
    return address === undefined ? undefined : open(address);
  }

  return {
    addAll(destinations, by) {
      for (const destination of destinations) add(destination, by);
    },
    isNamed: (place) => all.get(place.address)?.named.has(portKey(place)) === true,
    addPort(address, { protocol, port }) {
      const key = portKey({ protocol, port });
      const list = singles.get(key) ?? [{ protocol, port }];
      singles.set(key, list);
      addPorts(address, list);
    },
    addPorts,
    count: () => known,
    addNetwork: (network) => networks.add(network),
    tryElsewhere: (place) => at(place.address).lacking.add(portKey(place)),
    next() {
      for (;;) {
        const place = waiting[looked];
        if (place === undefined) {
          if (networks.size !== isDoneWith) {
            isDoneWith = networks.size;
            for (const address of representatives([...networks, ...special()])) open(address);
            const outside = strangerTo(networks, node);
            if (outside !== undefined) open(outside);
            openClosed();
          }
          if (looked === waiting.length) tryClasses();
          if (looked === waiting.length) return undefined;
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

function firstAddresses(node: NodeContext): IpAddress[] {
  const loopback = parseAddress(node.family === 'IPv4' ? '127.0.0.1' : '::1');
  const answering = node.nodePorts.kind === 'some' ? node.nodePorts.addresses : [];
  const own = [node.nodeIP, ...node.addresses, ...answering.slice(0, 3), loopback, strangerTo([], node)];
  return own.filter((address) => address !== undefined);
}

function portKey({ protocol, port }: PortOf): string {
  return `${protocol} ${port}`;
}

const keys = new WeakMap<readonly PortOf[], ReadonlySet<string>>();

function keysOf(ports: readonly PortOf[]): ReadonlySet<string> {
  const known = keys.get(ports) ?? new Set(ports.map(portKey));
  keys.set(ports, known);
  return known;
}

function countsOf(keys: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

/** Counts down, because Services rarely use high ports. */
function freePort(isTaken: (port: number) => boolean): Port | undefined {
  for (let port = 65_391; port > 0; port--) if (!isTaken(port)) return parsePort(port);
  return undefined;
}
