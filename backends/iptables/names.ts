import { endpointText } from '../../compiler/ir/ir.ts';
import { servicePortText } from '../../compiler/values/names.ts';
import { type Protocol, protocolText } from '../../compiler/values/port.ts';
import type { EndpointAddress, NamedPort } from '../maker.ts';
import { nameHash } from '../name-hash.ts';
import { chainName } from '../netfilter/chain.ts';
import type { ChainName } from '../netfilter/rule.ts';

/**
 * Chain names are kube-proxy's, letter for letter: operators and tools know them, taking over
 * from kube-proxy replaces chains in place, and tests compare with a real kube-proxy's output.
 *
 * Under a prefix of slicewright's own they begin with that prefix (netfilter/prefix.ts); the rest is the same.
 */
const prefix = 'KUBE';

/** Chains that exist once per node. */
export const nodeChain = {
  services: chainName(`${prefix}-SERVICES`),
  externalServices: chainName(`${prefix}-EXTERNAL-SERVICES`),
  nodePorts: chainName(`${prefix}-NODEPORTS`),
  postrouting: chainName(`${prefix}-POSTROUTING`),
  markMasquerade: chainName(`${prefix}-MARK-MASQ`),
  forward: chainName(`${prefix}-FORWARD`),
  proxyFirewall: chainName(`${prefix}-PROXY-FIREWALL`),
  firewall: chainName(`${prefix}-FIREWALL`),
  canary: chainName(`${prefix}-PROXY-CANARY`),
} as const;

/** SVC: endpoints of the cluster policy; SVL: of the local policy; EXT: entry from outside; FW: source ranges. */
export type ServiceChainPurpose = 'SVC' | 'SVL' | 'EXT' | 'FW';

/** `KUBE-SVC-XPGD46QRK7WJZT7O`; the chains of one Service port share the last sixteen characters, in both families. */
export function serviceChain(purpose: ServiceChainPurpose, servicePort: string, protocol: Protocol): ChainName {
  return chainName(`${prefix}-${purpose}-${nameHash(`${servicePort}${protocolText(protocol)}`, 16)}`);
}

/**
 * `KUBE-SEP-T2SVJKSSSQDWBRN2`: translates to one endpoint of one Service port.
 *
 * endpoint   as {@link endpointText} has it
 */
export function endpointChain(servicePort: string, protocol: Protocol, endpoint: string): ChainName {
  return chainName(`${prefix}-SEP-${nameHash(`${servicePort}${protocolText(protocol)}${endpoint}`, 16)}`);
}

/** The hashes in which names of chains end: under any prefix, and of kube-proxies of any age. */
export function hashesOf({ service, portName, protocol }: NamedPort, endpoints: readonly EndpointAddress[]): string[] {
  const text = servicePortText(service, portName);
  const chains = [
    serviceChain('SVC', text, protocol),
    ...endpoints.map((one) => endpointChain(text, protocol, endpointText(one))),
  ];
  return chains.map((chain) => chain.slice(-16));
}

/** XLB is what kube-proxies before 1.24 had in the place of EXT and SVL: found, never made. */
const serviceChains = new RegExp(`^${prefix}-(?:SVC|SVL|EXT|FW|SEP|XLB)-`);
/** As those: of kube-proxies before 1.24, and of kubelets. */
const markDrop = `${prefix}-MARK-DROP`;
const nodeChainNames: ReadonlySet<string> = new Set([...Object.values(nodeChain), markDrop]);

/** Whether a chain found in a kernel is one that slicewright makes, or that a kube-proxy of any age made. What only kubelet makes is not. */
export function isOurChain(name: string): boolean {
  return nodeChainNames.has(name) || isServiceChain(name);
}

/** Whether a chain is one Service port's own. */
export function isServiceChain(name: string): boolean {
  return serviceChains.test(name);
}

/** Whether a chain is one of those that Service ports have of their own, of this purpose. */
export function hasPurpose(purpose: ServiceChainPurpose | 'SEP', chain: string): boolean {
  return chain.startsWith(`${prefix}-${purpose}-`);
}
