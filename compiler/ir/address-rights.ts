import type { Report } from '../model/fields.ts';
import type { Service } from '../model/service.ts';
import { isCloudService } from '../model/special-address.ts';
import { isWithin, ownCluster, type Registry, type ServiceAddressRanges } from '../registry/registry.ts';
import type { Cidr, Family, IpAddress } from '../values/address.ts';
import { families } from '../values/address.ts';

/*
 * Whoever may write a Service or a ServiceImport of one namespace may have it answer at any address that he writes there,
 * on every node, for the pods of all tenants (CVE-2020-8554). kube-proxy lets him, and so is the default here. The
 * registry can say in which ranges such addresses may lie; and in any case it is said where one is somebody's already.
 */

/** The Service with those of its addresses that it may have; the same value where it may have all. */
export function withRightfulAddresses(service: Service, registry: Registry): Service {
  const rights = registry.serviceAddresses;
  if (rights === undefined || service.skipped !== undefined) return service;
  const allows = (kind: AddressKind) => rightOf(kind, service, rights, registry);
  const clusterSet = allows('clusterSetIPs');
  const clusterIPs = keep(service, clusterSet);
  const externalIPs = service.externalIPs.filter(allows('externalIPs'));
  const loadBalancerIPs = service.loadBalancerIPs.filter(({ address }) => allows('loadBalancerIPs')(address));
  const isWhole =
    families.every((family) => clusterIPs[family] === service.clusterIPs[family]) &&
    externalIPs.length === service.externalIPs.length &&
    loadBalancerIPs.length === service.loadBalancerIPs.length;
  return isWhole ? service : { ...service, clusterIPs, externalIPs, loadBalancerIPs };
}

type AddressKind = 'externalIPs' | 'loadBalancerIPs' | 'clusterSetIPs';

function keep({ vip, clusterIPs }: Service, isRightful: (address: IpAddress) => boolean): Service['clusterIPs'] {
  // A Service's cluster IP is the API server's choice.
  if (vip === 'clusterIP') return clusterIPs;
  const kept: Partial<Record<Family, IpAddress>> = {};
  for (const family of families) {
    const address = clusterIPs[family];
    if (address !== undefined && isRightful(address)) kept[family] = address;
  }
  return kept;
}

/** A list says what is allowed; with `restrict` alone only what a controller must have written is. */
function rightOf(
  kind: AddressKind,
  { isLoadBalancer }: Service,
  rights: ServiceAddressRanges,
  registry: Registry,
): (address: IpAddress) => boolean {
  const listed = rights[kind];
  if (listed === undefined && !rights.restrict) return () => true;
  if (listed === undefined && kind === 'loadBalancerIPs') return () => isLoadBalancer;
  // A controller gives imports addresses of the Service range.
  const ofController = kind === 'clusterSetIPs' ? (ownCluster(registry)?.serviceCidrs ?? []) : [];
  const ranges: readonly Cidr[] = [...(listed ?? []), ...ofController];
  return (address) => isWithin(ranges, address) === true;
}

interface WrittenAddress {
  readonly kind: AddressKind;
  readonly address: IpAddress;
  readonly field: string;
}

/** The addresses of a Service that people write. */
function writtenAddresses(service: Service): WrittenAddress[] {
  const imported = service.vip === 'clusterSetIP' ? Object.values(service.clusterIPs) : [];
  return [
    ...imported.map((address) => ({ kind: 'clusterSetIPs' as const, address, field: 'spec.ips' })),
    ...service.externalIPs.map((address) => ({ kind: 'externalIPs' as const, address, field: 'spec.externalIPs' })),
    ...service.loadBalancerIPs.map(({ address }) => ({
      kind: 'loadBalancerIPs' as const,
      address,
      field: 'status.loadBalancer.ingress',
    })),
  ];
}

/** Every address of a Service that people write; a change of what is at one of them is a change of what is to be said. */
export function addressesToJudge(service: Service): IpAddress[] {
  return writtenAddresses(service).map(({ address }) => address);
}

/** Whose an address is already. */
export type Holder = 'node' | 'API server' | 'cluster IP';

/**
 * What is to be said of the addresses of a Service: those that it may not have, and those that are somebody's already.
 *
 * rightful  the Service with the addresses that it may have
 */
export function reportAddresses(
  service: Service,
  rightful: Service,
  holderOf: (address: IpAddress) => Holder | undefined,
  report: Report,
): void {
  const kept = new Set(writtenAddresses(rightful).map(({ field, address }) => `${field} ${address}`));
  for (const { kind, address, field } of writtenAddresses(service)) {
    if (!kept.has(`${field} ${address}`)) {
      const message = `${address} is not allowed by serviceAddresses.${kind} of the registry; it is not served`;
      report('warning', 'service-address-refused', field, message);
      continue;
    }
    const holder = holderText(kind, address, service, holderOf);
    if (holder === undefined) continue;
    const message = `${address} is ${holder}; connections of pods to its ports go to this Service instead. To prevent that, restrict serviceAddresses in the registry`;
    report('warning', 'service-address-taken', field, message);
  }
}

function holderText(
  kind: AddressKind,
  address: IpAddress,
  { isLoadBalancer }: Service,
  holderOf: (address: IpAddress) => Holder | undefined,
): string | undefined {
  if (isCloudService(address)) return "an address of the cloud's metadata service";
  // Small clusters' load balancers give out addresses of nodes.
  if (kind === 'loadBalancerIPs' && isLoadBalancer) return undefined;
  const holder = holderOf(address);
  switch (holder) {
    case undefined:
      return undefined;
    case 'node':
      return 'an address of a node';
    case 'API server':
      return 'an address of the API server';
    case 'cluster IP':
      // Who gets a port that both have is settled and said as a conflict; the import may share its derived Service's.
      return kind === 'clusterSetIPs' ? undefined : 'the cluster IP of a Service';
    default:
      return holder satisfies never;
  }
}
