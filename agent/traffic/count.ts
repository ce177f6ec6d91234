import type { ByPool, DialledPlace, EndpointTraffic, Pool, Volume } from '../../backends/traffic.ts';
import { endpointText } from '../../compiler/ir/ir.ts';
import type { Family } from '../../compiler/values/address.ts';
import { type PortName, type ServiceKey, servicePortIn } from '../../compiler/values/names.ts';
import type { Protocol } from '../../compiler/values/port.ts';
import type { Selectable } from '../input/selection.ts';
import type { AskedPort } from './asked.ts';

/** A kernel's counters of one Service port at one moment. */
export interface PortCounts {
  /** `shop/cart:http/TCP/IPv4`; if the Service is unknown, with the place that clients use: `10.96.0.10:80/TCP/IPv4`. */
  readonly id: string;
  /** `shop/cart:http`, or the place. */
  readonly name: string;
  readonly protocol: Protocol;
  readonly family: Family;
  /** undefined: the requested shares are unknown. */
  readonly asked: AskedPort | undefined;
  /** By `ip:port`. */
  readonly endpoints: ReadonlyMap<string, EndpointCounts>;
}

export interface EndpointCounts {
  readonly connections: number;
  /** By the pool to choose from; undefined: not known for all connections. */
  readonly byPool: ByPool | undefined;
  readonly volume: Volume | undefined;
  readonly followsShares: boolean;
}

export interface FamilyCounts {
  readonly family: Family;
  readonly counts: readonly EndpointTraffic[];
}

export type WhatIsAsked = (
  family: Family,
  count: Pick<EndpointTraffic, 'servicePort' | 'dialled' | 'protocol'>,
) => AskedPort | undefined;

/** Finds a counter's Service port: by the kernel's name for it, or by the place that clients use. */
export function askedFinder(ports: readonly AskedPort[]): WhatIsAsked {
  const byId = new Map<string, AskedPort>(ports.map((port) => [port.id, port]));
  const byPlace = new Map<string, AskedPort>();
  for (const port of ports) {
    for (const { address = 'node', port: number } of port.places) {
      byPlace.set(`${port.family} ${port.protocol} ${address} ${number}`, port);
    }
  }
  return (family, { servicePort, dialled, protocol }) => {
    const named = servicePort === undefined ? undefined : byId.get(`${servicePort}/${protocol}/${family}`);
    if (named !== undefined || dialled === undefined) return named;
    const { address = 'node', port } = dialled;
    const at = (where: string) => byPlace.get(`${family} ${protocol} ${where} ${port}`);
    return at(address) ?? at('node');
  };
}

/** Every Service port that is counted or requested, with all counters of one endpoint added up. */
export function countPorts(
  readings: readonly FamilyCounts[],
  asked: readonly AskedPort[],
): ReadonlyMap<string, PortCounts> {
  const find = askedFinder(asked);
  const ports = new Map<string, PortCounts & { readonly endpoints: Map<string, EndpointCounts> }>();
  const portOf = (id: string, port: Omit<PortCounts, 'id' | 'endpoints'>) => {
    const known = ports.get(id) ?? { ...port, id, endpoints: new Map<string, EndpointCounts>() };
    ports.set(id, known);
    return known;
  };
  for (const { family, counts } of readings) {
    for (const count of counts) {
      const port = find(family, count);
      const name = port === undefined ? (count.servicePort ?? placeText(count)) : servicePortIn(port.id);
      const id = port?.id ?? `${name}/${count.protocol}/${family}`;
      const { endpoints } = portOf(id, { name, protocol: count.protocol, family, asked: port });
      const counted = { ...count, byPool: count.byPool ?? byPlace(count, port) };
      endpoints.set(count.endpoint, sum(endpoints.get(count.endpoint), counted));
    }
    for (const port of asked) {
      if (port.family !== family) continue;
      const { endpoints } = portOf(port.id, {
        name: servicePortIn(port.id),
        protocol: port.protocol,
        family,
        asked: port,
      });
      for (const { endpoint } of port.endpoints) {
        if (!endpoints.has(endpoint)) endpoints.set(endpoint, nothingCounted);
      }
    }
  }
  return ports;
}

function placeText({ dialled }: EndpointTraffic): string {
  if (dialled === undefined) return 'not named';
  const { address, port } = dialled;
  return address === undefined ? `node port ${port}` : endpointText({ address, port });
}

/** The place decides the pool, because all connections to one place choose from the same one. */
function byPlace({ dialled, connections }: EndpointTraffic, port: AskedPort | undefined): ByPool | undefined {
  if (dialled === undefined || port === undefined) return undefined;
  const at = (address: DialledPlace['address']) =>
    port.places.find((place) => place.address === address && place.port === dialled.port);
  return allIn((at(dialled.address) ?? at(undefined))?.pool, connections);
}

function allIn(pool: Pool | undefined, connections: number): ByPool | undefined {
  return pool && { cluster: 0, local: 0, [pool]: connections };
}

/** The counts of an endpoint without counters. */
export const nothingCounted: EndpointCounts = {
  connections: 0,
  byPool: { cluster: 0, local: 0 },
  volume: undefined,
  followsShares: true,
};

function sum(
  before: EndpointCounts | undefined,
  { connections, byPool, volume, followsShares }: EndpointCounts,
): EndpointCounts {
  const earlier = before === undefined ? nothingCounted.byPool : before.byPool;
  return {
    connections: (before?.connections ?? 0) + connections,
    byPool: earlier && byPool && { cluster: earlier.cluster + byPool.cluster, local: earlier.local + byPool.local },
    volume: addVolumes(before?.volume, volume),
    followsShares: followsShares && before?.followsShares !== false,
  };
}

/** undefined if both are; else undefined counts as zero. */
export function addVolumes(a: Volume | undefined, b: Volume | undefined): Volume | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return { packets: a.packets + b.packets, bytes: a.bytes + b.bytes };
}

/** A Service port as options choose among them. An unknown one is in no namespace. */
export function selectableOf({ name, asked }: PortCounts): Selectable {
  if (asked !== undefined) {
    const { service, portName, places } = asked;
    const frontends = places.map(({ address, port }) => {
      return { kind: address === undefined ? ('nodePort' as const) : ('clusterIP' as const), port };
    });
    return { service, portName, frontends };
  }
  const [service = '', portName = ''] = name.split(':');
  return { service: service as ServiceKey, portName: portName as PortName, frontends: [] };
}
