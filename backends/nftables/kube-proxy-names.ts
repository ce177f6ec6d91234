import { endpointText } from '../../compiler/ir/ir.ts';
import { protocolText } from '../../compiler/values/port.ts';
import type { EndpointAddress, NamedPort } from '../maker.ts';
import { nameHash } from '../name-hash.ts';

/*
 * What a kube-proxy in nftables mode calls chains and sets of a Service port: `service-NWBZK7IH-kube-system/kube-dns/tcp/dns-tcp`,
 * `endpoint-63BXFL5N-shop/cache/tcp/__10.12.1.70/6379`. The hash is that of the words behind it. Names of more than 240 characters,
 * which kube-proxy cuts, are not among them. source: pkg/proxy/nftables/proxier.go, held to what a real one left (test/conformance).
 */

const ofPort = ['service', 'external', 'local', 'firewall'];
const ofEndpoint = ['endpoint', 'affinity'];

export function kubeProxyNames(port: NamedPort, endpoints: readonly EndpointAddress[]): string[] {
  const path = `${port.service}/${protocolText(port.protocol)}/${port.portName}`;
  const named = (kinds: readonly string[], words: string) =>
    kinds.map((kind) => `${kind}-${nameHash(words, 8)}-${words}`);
  return [
    ...named(ofPort, path),
    ...endpoints.flatMap((endpoint) => named(ofEndpoint, `${path}__${endpointWords(endpoint)}`)),
  ];
}

/** nft takes no colon in a name. */
function endpointWords(endpoint: EndpointAddress): string {
  return endpointText(endpoint)
    .replace(/:(\d+)$/, '/$1')
    .replaceAll(/[[\]]/g, '')
    .replaceAll(':', '.');
}
