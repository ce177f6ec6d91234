import type { Service } from '../model/service.ts';
import type { ServicePort } from '../model/service-ports.ts';
import type { Settings } from '../settings.ts';
import {
  type Cidr,
  cidrFamily,
  type Family,
  familyOf,
  type IpAddress,
  isFamily,
  splitCidr,
} from '../values/address.ts';
import type { Frontend } from './ir.ts';

export type FrontendSettings = Pick<Settings, 'compat' | 'featureGates'>;

/**
 * The addresses and ports at which clients may dial a Service port in one family; empty for a Service without a cluster
 * IP of the family.
 */
export function frontendsOf(
  service: Service,
  { port, nodePort }: ServicePort,
  family: Family,
  settings: FrontendSettings,
): readonly Frontend[] {
  const clusterIP = service.clusterIPs[family];
  if (clusterIP === undefined) return [];
  const addresses: (Frontend & { readonly address: IpAddress })[] = [{ kind: service.vip, address: clusterIP, port }];
  for (const address of service.externalIPs) {
    if (familyOf(address) === family) addresses.push({ kind: 'externalIP', address, port });
  }
  const vips = vipsOf(service, family, settings);
  if (vips.length > 0) {
    const sourceRanges = sourceRangesOf(service, family, settings);
    for (const address of vips) addresses.push({ kind: 'loadBalancerIP', address, port, sourceRanges });
  }
  // For an address that is listed twice, kube-proxy 1.30 writes the rules twice.
  const frontends = settings.compat === 'kube-proxy' ? addresses : firstOfEach(addresses);
  return nodePort === undefined ? frontends : [...frontends, { kind: 'nodePort', port: nodePort }];
}

function vipsOf({ loadBalancerIPs }: Service, family: Family, settings: FrontendSettings): readonly IpAddress[] {
  if (loadBalancerIPs.length === 0) return [];
  return loadBalancerIPs
    .filter(({ mode }) => mode === 'VIP' || settings.featureGates.LoadBalancerIPMode === false)
    .map(({ address }) => address)
    .filter(isFamily(family));
}

/**
 * An address that is listed again, as whatever kind, counts as what it was first: rules in this order would treat it so
 * too.
 */
function firstOfEach<T extends { readonly address: IpAddress }>(list: readonly T[]): readonly T[] {
  if (list.length < 2) return list;
  const byAddress = new Map<IpAddress, T>();
  for (const one of list) if (!byAddress.has(one.address)) byAddress.set(one.address, one);
  return [...byAddress.values()];
}

/** Since 1.35 a source range that holds every address lifts the restriction of its family. */
function sourceRangesOf(service: Service, family: Family, settings: FrontendSettings): readonly Cidr[] {
  const ranges = service.sourceRanges.filter((range) => cidrFamily(range) === family);
  const everyone = settings.compat !== 'kube-proxy' && ranges.some((range) => splitCidr(range).length === 0);
  return everyone ? [] : ranges;
}
