import { endpointText, type Frontend, type ServicePortIR } from '../../../compiler/ir/ir.ts';
import { type IpAddress, parseAddress } from '../../../compiler/values/address.ts';
import { compareText } from '../../../compiler/values/names.ts';
import { type Port, parsePort } from '../../../compiler/values/port.ts';
import type { StaleFlows } from '../../conntrack.ts';
import { statementTargets } from '../program/check.ts';
import type { Element, NftProgram } from '../program/program.ts';
import type { EndpointAddress, Verdict } from '../program/rule.ts';
import type { NftablesUnit } from '../unit.ts';

/** Which UDP connections must be forgotten when one program has replaced another. See {@link staleFlowsBetween}. */
export function staleFlows(
  before: NftProgram | undefined,
  after: NftProgram | undefined,
  services: readonly ServicePortIR[],
): StaleFlows[] {
  return staleFlowsBetween(udpFrontends(before), udpFrontends(after), services);
}

/**
 * Which UDP connections must be forgotten when some frontends have replaced others.
 *
 *   an endpoint is no longer reached through a frontend   those to it, unless it still serves
 *   a frontend got its first endpoint                     all: they went nowhere, or were refused
 *   a frontend is gone, with all of its endpoints         all
 *
 * services   as compiled now, all that have these frontends; their known endpoints show which ones still serve
 */
export function staleFlowsBetween(
  old: UdpFrontends,
  young: UdpFrontends,
  services: readonly ServicePortIR[],
): StaleFlows[] {
  const serving = servingEndpoints(services);
  const stale: StaleFlows[] = [];
  for (const [key, { destination, port, endpoints }] of old) {
    const kept = new Set([...(serving.get(key) ?? []), ...(young.get(key)?.endpoints.keys() ?? [])]);
    if (kept.size === 0) stale.push({ destination, port, endpoint: undefined });
    else {
      for (const [text, endpoint] of endpoints) if (!kept.has(text)) stale.push({ destination, port, endpoint });
    }
  }
  for (const [key, { destination, port, endpoints }] of young) {
    if (endpoints.size > 0 && (old.get(key)?.endpoints.size ?? 0) === 0) {
      stale.push({ destination, port, endpoint: undefined });
    }
  }
  return stale;
}

interface UdpFrontend {
  readonly destination: IpAddress | undefined;
  readonly port: Port;
  /** By `ip:port`. */
  readonly endpoints: ReadonlyMap<string, EndpointAddress>;
}

/** What UDP packets are translated to, by `10.0.0.10:53` or `*:30053`, sorted. */
export type UdpFrontends = ReadonlyMap<string, UdpFrontend>;

/** The maps that hold the places where Services answer, slicewright's and kube-proxy's. */
const placeMaps: readonly string[] = ['services', 'service-ips', 'node-ports', 'service-nodeports'];

/** The frontends at the places that some units have in a program. */
export function udpFrontendsOf(program: NftProgram, units: readonly NftablesUnit[]): UdpFrontends {
  const elements = new Map<string, Element[]>(placeMaps.map((map) => [map, []]));
  for (const { shares } of units) {
    for (const share of shares) {
      if (!placeMaps.includes(share.set)) continue;
      for (const element of share.elements) {
        const there = isUdpPlace(element) ? program.sets.get(share.set)?.elements.get(element.key) : undefined;
        if (there !== undefined) elements.get(share.set)?.push(there);
      }
    }
  }
  return frontendsIn(program, (map) => elements.get(map) ?? []);
}

function udpFrontends(program: NftProgram | undefined): UdpFrontends {
  if (program === undefined) return new Map();
  return frontendsIn(program, (map) => program.sets.get(map)?.elements.values() ?? []);
}

/** Quick to ask of every element, before its key is taken apart. */
function isUdpPlace({ key }: Element): boolean {
  return key.includes('udp . ');
}

function frontendsIn(program: NftProgram, elementsOf: (map: string) => Iterable<Element>): UdpFrontends {
  const frontends: [string, UdpFrontend][] = [];
  for (const map of placeMaps) {
    for (const element of elementsOf(map)) {
      if (!isUdpPlace(element)) continue;
      const { key, data } = element;
      const match = /^(?:(\S+) \. )?udp \. (\d+)$/.exec(key);
      const destination = parseAddress(match?.[1]);
      const port = parsePort(Number(match?.[2]));
      if (port === undefined || data === undefined || !('kind' in data)) continue;
      const found = endpointsOf(program, data, `${destination === undefined ? '' : `${destination} . `}${port}`);
      const endpoints = new Map(found.map((one) => [endpointText(one), one]));
      frontends.push([placeText(destination, port), { destination, port, endpoints }]);
    }
  }
  return new Map(frontends.sort(([a], [b]) => compareText(a, b)));
}

/**
 * Where a packet may be translated to, once a verdict has sent it on.
 *
 * key   of the place that it was sent to, as maps of endpoints have it before the number
 */
export function endpointsOf(program: NftProgram, verdict: Verdict, key: string): readonly EndpointAddress[] {
  const found = new Map<string, EndpointAddress>();
  const add = ({ address, port }: EndpointAddress) => found.set(endpointText({ address, port }), { address, port });
  const seen = new Set<string>();
  const pending = 'chain' in verdict ? [verdict.chain as string] : [];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    for (const statement of program.chains.get(name)?.rules.flatMap((rule) => rule?.statements ?? []) ?? []) {
      if (statement.kind === 'dnat') add(statement.to);
      else if (statement.kind === 'dnatSlots') for (const { outcome } of statement.slots) add(outcome);
      else if (statement.kind === 'dnatMap') {
        for (let slot = 0; slot < statement.modulus; slot++) {
          const data = program.sets.get(statement.map)?.elements.get(`${key} . ${slot}`)?.data;
          if (data !== undefined && 'address' in data) add(data);
        }
      } else pending.push(...statementTargets(program, statement));
    }
  }
  return [...found.values()];
}

function placeText(destination: IpAddress | undefined, port: Port): string {
  return destination === undefined ? `*:${port}` : endpointText({ address: destination, port });
}

/** The endpoints that serve behind each UDP frontend, chosen for new connections or not. */
function servingEndpoints(services: readonly ServicePortIR[]): ReadonlyMap<string, readonly string[]> {
  const serving = new Map<string, readonly string[]>();
  for (const { protocol, frontends, known } of services) {
    if (protocol !== 'UDP') continue;
    const texts = known.filter((endpoint) => endpoint.serving).map(endpointText);
    for (const frontend of frontends) serving.set(placeOf(frontend), texts);
  }
  return serving;
}

function placeOf(frontend: Frontend): string {
  return placeText(frontend.kind === 'nodePort' ? undefined : frontend.address, frontend.port);
}
