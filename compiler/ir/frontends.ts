import type { Service } from '../model/service.ts';
import type { ServicePort } from '../model/service-ports.ts';
import type { Settings } from '../settings.ts';
import { type Cidr, cidrFamily, type Family, type IpAddress, isFamily, splitCidr } from '../values/address.ts';
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
): Frontend[] {
  const clusterIP = service.clusterIPs[family];
  if (clusterIP === undefined) return [];
  const externalIPs = service.externalIPs.filter(isFamily(family));
  const vips = service.loadBalancerIPs
    .filter(({ mode }) => mode === 'VIP' || settings.featureGates.LoadBalancerIPMode === false)
    .map(({ address }) => address)
    .filter(isFamily(family));
  const sourceRanges = sourceRangesOf(service, family, settings);
  const addresses: readonly (Frontend & { readonly address: IpAddress })[] = [
    { kind: service.vip, address: clusterIP, port },
    ...externalIPs.map((address) => ({ kind: 'externalIP', address, port }) as const),
    ...vips.map((address) => ({ kind: 'loadBalancerIP', address, port, sourceRanges }) as const),
  ];
  return [
    // For an address that is listed twice, kube-proxy 1.30 writes the rules twice.
    ...(settings.compat === 'kube-proxy' ? addresses : firstOfEach(addresses)),
    ...(nodePort === undefined ? [] : [{ kind: 'nodePort', port: nodePort } as const]),
  ];
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
