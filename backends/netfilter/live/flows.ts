import { endpointText, type Frontend, type ServicePortIR } from '../../../compiler/ir/ir.ts';
import { type IpAddress, splitCidr } from '../../../compiler/values/address.ts';
import type { Port } from '../../../compiler/values/port.ts';
import type { StaleFlows } from '../../conntrack.ts';
import { isForCounting } from '../accounts.ts';
import type { OwnChains } from '../own-chains.ts';
import { parseRule } from '../text/parse-rule.ts';
import { jumpsFrom, reachableChains, sharedNat } from '../trace/reach.ts';
import { chainKey, type Ruleset } from '../rule.ts';

/**
 * Which connections must be forgotten when one program has replaced another.
 *
 *   an endpoint is no longer reached through a frontend   those to it, unless it still serves: one that
 *                                                         only lost its place in the choice of new
 *                                                         connections keeps the ones it has
 *   a frontend got its first endpoint                     all: they went nowhere, or were refused
 *   a frontend is gone, with all of its endpoints         all
 *
 * services   as compiled now; their known endpoints show which ones still serve
 * source     IPT-22; like kube-proxy since 1.31.4, by address and port, where earlier
 *            versions forgot every connection of a Service address
 */
export function staleFlows(
  before: Ruleset,
  after: Ruleset,
  services: readonly ServicePortIR[],
  own: OwnChains,
): StaleFlows[] {
  return staleFlowsBetween(udpFrontends(before, own), udpFrontends(after, own), services);
}

/**
 * The same of some frontends alone.
 *
 * services   all that have these frontends
 */
export function staleFlowsBetween(
  old: UdpFrontends,
  young: UdpFrontends,
  services: readonly ServicePortIR[],
): StaleFlows[] {
  const serving = servingEndpoints(services);
  const stale: StaleFlows[] = [];
  for (const [key, { destination, port, endpoints }] of sorted(old)) {
    const kept = new Set([...(serving.get(key) ?? []), ...(young.get(key)?.endpoints.keys() ?? [])]);
    if (kept.size === 0) stale.push({ destination, port, endpoint: undefined });
    else {
      for (const [text, endpoint] of sorted(endpoints)) {
        if (!kept.has(text)) stale.push({ destination, port, endpoint });
      }
    }
  }
  for (const [key, { destination, port, endpoints }] of sorted(young)) {
    if (endpoints.size > 0 && (old.get(key)?.endpoints.size ?? 0) === 0) {
      stale.push({ destination, port, endpoint: undefined });
    }
  }
  return stale;
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

interface UdpFrontend {
  readonly destination: IpAddress | undefined;
  readonly port: Port;
  /** By `ip:port`. */
  readonly endpoints: Map<string, { readonly address: IpAddress; readonly port: Port }>;
}

/** What UDP packets are translated to, by `10.0.0.10:53` or `*:30053`. */
export type UdpFrontends = ReadonlyMap<string, UdpFrontend>;

function udpFrontends(ruleset: Ruleset, { isServiceChain }: OwnChains): UdpFrontends {
  const shared = [...reachableChains(sharedNat(ruleset, isServiceChain))];
  const lines = shared.flatMap((name) => ruleset.chains.get(chainKey('nat', name))?.lines ?? []);
  return udpFrontendsIn(ruleset, lines);
}

/** lines   rules of shared chains of table nat that packets get to; `chains` has what they lead to */
export function udpFrontendsIn(ruleset: Pick<Ruleset, 'family' | 'chains'>, lines: readonly string[]): UdpFrontends {
  const endpointsOf = endpointFinder(ruleset);
  const frontends = new Map<string, UdpFrontend>();
  for (const line of lines) {
    if (!line.includes(' -p udp ')) continue;
    const rule = parseRule(ruleset.family, line)?.rule;
    if (rule?.target?.kind !== 'jump' || isForCounting(rule)) continue;
    let destination: IpAddress | undefined;
    let port: Port | undefined;
    for (const match of rule.matches) {
      if (match.kind === 'destination' && match.not !== true) destination = splitCidr(match.cidr).address;
      else if (match.kind === 'transport') port = match.dport;
    }
    if (port === undefined) continue;
    const key = frontendKey(destination, port);
    const frontend = frontends.get(key) ?? { destination, port, endpoints: new Map() };
    for (const endpoint of endpointsOf(rule.target.chain)) frontend.endpoints.set(endpointText(endpoint), endpoint);
    frontends.set(key, frontend);
  }
  return frontends;
}

function frontendKey(destination: IpAddress | undefined, port: Port): string {
  return destination === undefined ? `*:${port}` : endpointText({ address: destination, port });
}

type Endpoints = readonly { readonly address: IpAddress; readonly port: Port }[];

/** Where packets in a chain may be translated to. */
function endpointFinder({ family, chains }: Pick<Ruleset, 'family' | 'chains'>): (chain: string) => Endpoints {
  const nat = { has: (chain: string) => chains.has(chainKey('nat', chain)) };
  const known = new Map<string, Endpoints>();
  const find = (chain: string): Endpoints => {
    const found = known.get(chain);
    if (found !== undefined) return found;
    known.set(chain, []);
    const lines = chains.get(chainKey('nat', chain))?.lines ?? [];
    const translated = lines
      .filter((line) => line.includes(' -j DNAT '))
      .flatMap((line) => {
        const target = parseRule(family, line)?.rule.target;
        // Only this much of the target: a saved plan takes no keys that it does not know.
        return target?.kind === 'dnat' ? [{ address: target.address, port: target.port }] : [];
      });
    const endpoints = [...translated, ...jumpsFrom(lines, nat).flatMap(find)];
    known.set(chain, endpoints);
    return endpoints;
  };
  return find;
}

/** The endpoints that serve behind each UDP frontend, chosen for new connections or not. */
function servingEndpoints(services: readonly ServicePortIR[]): Map<string, string[]> {
  const serving = new Map<string, string[]>();
  for (const { protocol, frontends, known } of services) {
    if (protocol !== 'UDP') continue;
    const texts = known.filter((endpoint) => endpoint.serving).map(endpointText);
    for (const frontend of frontends) serving.set(keyOfFrontend(frontend), texts);
  }
  return serving;
}

function keyOfFrontend(frontend: Frontend): string {
  return frontendKey(frontend.kind === 'nodePort' ? undefined : frontend.address, frontend.port);
}
