import { endpointText } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { type Protocol, protocolText } from '../../compiler/values/port.ts';
import type { NamedPort } from '../maker.ts';
import { kubeProxyNames } from './kube-proxy-names.ts';
import { boundedName, type Name, nameOf } from './program/names.ts';
import { parseProtocolWord } from './program/parse-rule.ts';
import type { NftSet } from './program/program.ts';
import type { EndpointAddress } from './program/rule.ts';

/**
 * Chains that a Service port has of its own.
 *
 * cluster, local: choose one endpoint of a pool; cluster-ip: entry of cluster IPs; external: entry of the other places;
 * firewall: lets the clients of a load balancer in.
 */
export type Purpose = 'cluster' | 'local' | 'cluster-ip' | 'external' | 'external-node-port' | 'firewall';

/** `cluster/shop/cart/tcp/http`. */
export function serviceChain(purpose: Purpose, ir: NamedPort): Name {
  return boundedName(`${purpose}/${servicePath(ir)}`);
}

/** `endpoint/shop/cart/tcp/http/10.0.0.1/8080`: translates to one endpoint of one Service port. */
export function endpointChain(ir: NamedPort, endpoint: EndpointAddress): Name {
  return boundedName(`endpoint/${servicePath(ir)}/${endpointPath(endpoint)}`);
}

/** `affinity/shop/cart/tcp/http/10.0.0.1/8080`: the clients that an endpoint remembers. */
export function affinitySet(ir: NamedPort, endpoint: EndpointAddress): Name {
  return boundedName(`affinity/${servicePath(ir)}/${endpointPath(endpoint)}`);
}

const purposes: readonly Purpose[] = ['cluster', 'local', 'cluster-ip', 'external', 'external-node-port', 'firewall'];

/**
 * All names that a Service port has of its own, also in the table of a kube-proxy: they have a hash, or end in one, and an endpoint's
 * IPv6 address has no colons.
 */
export function hiddenNames(port: NamedPort, endpoints: readonly EndpointAddress[]): string[] {
  return [
    ...purposes.map((purpose) => serviceChain(purpose, port)),
    ...endpoints.flatMap((endpoint) => [endpointChain(port, endpoint), affinitySet(port, endpoint)]),
    ...kubeProxyNames(port, endpoints),
  ];
}

/** Two names, a protocol and a port's name: none of them has a slash, so no two Service ports share a path. */
function servicePath({ service, protocol, portName }: NamedPort): string {
  const words = [service.replace('@', '/'), protocolText(protocol), ...(portName === '' ? [] : [portName])];
  return words.join('/');
}

/** nft takes no colon in a name. */
function endpointPath(endpoint: EndpointAddress): string {
  return endpointText(endpoint)
    .replace(/^\[|\]/g, '')
    .replace(/:(\d+)$/, '/$1')
    .replaceAll(':', '.');
}

/** A chain that all Service ports share that have equally many endpoints to choose from. */
export interface SpreadChain {
  /** Which map has the endpoints: everybody's, or those for the node and its pods. */
  readonly inside: boolean;
  readonly place: 'address' | 'nodePort';
  /** Which connections get the node's address: none, those of clients that are no pods of this node, or all. */
  readonly masquerade: 'none' | 'strangers' | 'all';
  readonly protocol: Protocol;
  readonly modulus: number;
}

const masqueradeWords = { none: '', strangers: '-masquerade-strangers', all: '-masquerade' } as const;

/** `spread/tcp/5`, `spread-inside-node-port-masquerade/udp/2`. */
export function spreadChain({ inside, place, masquerade, protocol, modulus }: SpreadChain): Name {
  const words = `spread${inside ? '-inside' : ''}${place === 'nodePort' ? '-node-port' : ''}${masqueradeWords[masquerade]}`;
  return nameOf(`${words}/${protocolText(protocol)}/${modulus}`);
}

/** The {@link SpreadChain} that a name describes; undefined: it is no such name. */
export function parseSpreadChain(name: Name): SpreadChain | undefined {
  const match = /^spread(-inside)?(-node-port)?(-masquerade(?:-strangers)?)?\/(tcp|udp|sctp)\/(\d+)$/.exec(name);
  if (match === null) return undefined;
  const [, inside, nodePort, masquerade, word, modulus] = match;
  const protocol = parseProtocolWord(word);
  if (protocol === undefined) return undefined;
  return {
    inside: inside !== undefined,
    place: nodePort === undefined ? 'address' : 'nodePort',
    masquerade: masquerade === undefined ? 'none' : masquerade === masqueradeWords.all ? 'all' : 'strangers',
    protocol,
    modulus: Number(modulus),
  };
}

export function endpointMapName({ inside, place, protocol }: Omit<SpreadChain, 'masquerade' | 'modulus'>): Name {
  const words = `${inside ? 'inside-' : ''}${place === 'nodePort' ? 'node-port-' : ''}endpoints`;
  return nameOf(`${words}/${protocolText(protocol)}`);
}

/**
 * The map that a {@link SpreadChain} chooses from, empty: the endpoints of each place by number, for all clients or for
 * the node and its pods. `endpoints/tcp`, `inside-node-port-endpoints/udp`.
 */
export function endpointMap(
  spread: Omit<SpreadChain, 'masquerade' | 'modulus'>,
  { countsTraffic }: Pick<NodeContext, 'countsTraffic'>,
): NftSet {
  const { place, protocol } = spread;
  return {
    name: endpointMapName(spread),
    key: place === 'nodePort' ? ['port', 'slot'] : ['address', 'port', 'slot'],
    data: 'endpoint',
    protocol,
    ...(countsTraffic ? { counted: true } : {}),
    elements: new Map(),
  };
}
