import type { Report } from '../model/fields.ts';
import type { Service } from '../model/service.ts';
import { isCloudService } from '../model/special-address.ts';
import { isWithin, ownCluster, type Registry, type ServiceAddressRanges } from '../registry/registry.ts';
import type { Cidr, Family, IpAddress } from '../values/address.ts';
import { families } from '../values/address.ts';

/*
 * Anyone who may write a Service or a ServiceImport in one namespace can have it answer at any address written there,
 * on every node, for the pods of all tenants (CVE-2020-8554). kube-proxy allows this, and so does slicewright by
 * default. The registry can restrict the ranges of such addresses; and an address that already belongs to something is
 * always reported.
 */

/** The Service with only the addresses that it may have; the same value where it may have all. */
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
  // The API server chose a Service's cluster IP.
  if (vip === 'clusterIP') return clusterIPs;
  const kept: Partial<Record<Family, IpAddress>> = {};
  for (const family of families) {
    const address = clusterIPs[family];
    if (address !== undefined && isRightful(address)) kept[family] = address;
  }
  return kept;
}

/**
 * A list names the allowed ranges; `restrict` without a list allows only addresses that a controller must have written.
 */
function rightOf(
  kind: AddressKind,
  { isLoadBalancer }: Service,
  rights: ServiceAddressRanges,
  registry: Registry,
): (address: IpAddress) => boolean {
  const listed = rights[kind];
  if (listed === undefined && !rights.restrict) return () => true;
  if (listed === undefined && kind === 'loadBalancerIPs') return () => isLoadBalancer;
  // A controller gives ServiceImports addresses of the Service range.
  const ofController = kind === 'clusterSetIPs' ? (ownCluster(registry)?.serviceCidrs ?? []) : [];
  const ranges: readonly Cidr[] = [...(listed ?? []), ...ofController];
  return (address) => isWithin(ranges, address) === true;
}

interface WrittenAddress {
  readonly kind: AddressKind;
  readonly address: IpAddress;
  readonly field: string;
}

const noAddresses: readonly WrittenAddress[] = [];

/** The addresses of a Service that people write. */
function writtenAddresses(service: Service): readonly WrittenAddress[] {
  if (service.vip === 'clusterIP' && service.externalIPs.length === 0 && service.loadBalancerIPs.length === 0) {
    return noAddresses;
  }
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

/**
 * Every address of a Service that people write; when something appears or disappears at one of them, the Service's
 * diagnostics change.
 */
export function addressesToJudge(service: Service): readonly IpAddress[] {
  return writtenAddresses(service).map(({ address }) => address);
}

/** What an address already belongs to. */
export type Holder = 'node' | 'API server' | 'cluster IP';

/**
 * Reports the addresses that a Service may not have, and those that already belong to something else.
 *
 * rightful  the Service with the addresses that it may have
 */
export function reportAddresses(
  service: Service,
  rightful: Service,
  holderOf: (address: IpAddress) => Holder | undefined,
  report: Report,
): void {
  const written = writtenAddresses(service);
  if (written.length === 0) return;
  const kept = new Set(writtenAddresses(rightful).map(({ field, address }) => `${field} ${address}`));
  for (const { kind, address, field } of written) {
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
  // Load balancers of small clusters give out the nodes' own addresses.
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
      // Where both have a port, claims decide and report a conflict; an import may share the address of its derived
      // Service.
      return kind === 'clusterSetIPs' ? undefined : 'the cluster IP of a Service';
    default:
      return holder satisfies never;
  }
}
