import type { Service, ServicePort } from '../model/service.ts';
import type { Settings } from '../settings.ts';
import { type Cidr, cidrFamily, type Family, isFamily, splitCidr } from '../values/address.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { compareText, type ServicePortId, servicePortId } from '../values/names.ts';
import { formatObjectRef } from '../values/object-ref.ts';
import type { Frontend } from './ir.ts';

type FrontendSettings = Pick<Settings, 'compat' | 'featureGates'>;

/** Where clients may dial a Service port in one family; empty for a Service without a cluster IP of the family. */
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
  // kube-proxy 1.30 writes the rules of an address that is listed twice twice.
  const once = <T>(list: readonly T[]): readonly T[] => (settings.compat === 'kube-proxy' ? list : [...new Set(list)]);
  return [
    { kind: 'clusterIP', address: clusterIP, port },
    ...once(externalIPs).map((address): Frontend => ({ kind: 'externalIP', address, port })),
    ...once(vips).map((address): Frontend => ({ kind: 'loadBalancerIP', address, port, sourceRanges })),
    ...(nodePort === undefined ? [] : [{ kind: 'nodePort', port: nodePort } as const]),
  ];
}

/** Since 1.35 a range of everyone lifts the restriction of its family. */
function sourceRangesOf(service: Service, family: Family, settings: FrontendSettings): readonly Cidr[] {
  const ranges = service.sourceRanges.filter((range) => cidrFamily(range) === family);
  const everyone = settings.compat !== 'kube-proxy' && ranges.some((range) => splitCidr(range).length === 0);
  return everyone ? [] : ranges;
}

/** One Service port's wish to answer somewhere. */
export interface Claim {
  /** `10.0.0.1:80/TCP`, `node port 30080/TCP/IPv4`: unique on a node. */
  readonly text: string;
  readonly service: Service;
  readonly id: ServicePortId;
  readonly kind: Frontend['kind'];
}

/** Every place that a Service would answer at in one family. */
export function claimsOf(service: Service, family: Family, settings: FrontendSettings): Claim[] {
  return service.ports.flatMap((port) => {
    const id = servicePortId(service.key, port.name, port.protocol, family);
    return frontendsOf(service, port, family, settings).map((frontend) => ({
      text: claimText(frontend, port, family),
      service,
      id,
      kind: frontend.kind,
    }));
  });
}

export function claimText(frontend: Frontend, { protocol }: ServicePort, family: Family): string {
  return frontend.kind === 'nodePort'
    ? `node port ${frontend.port}/${protocol}/${family}`
    : `${frontend.address.includes(':') ? `[${frontend.address}]` : frontend.address}:${frontend.port}/${protocol}`;
}

/**
 * Who gets a place that several claim, the better claim first: a cluster IP, which the API server gave out, before
 * addresses that anyone may write into a Service; then the older Service (an unknown age is the youngest), then by key.
 */
export function compareClaims(a: Claim, b: Claim): number {
  return (
    Number(b.kind === 'clusterIP') - Number(a.kind === 'clusterIP') ||
    (a.service.createdMs ?? Number.MAX_VALUE) - (b.service.createdMs ?? Number.MAX_VALUE) ||
    compareText(a.id, b.id)
  );
}

/** Winner of each place. */
export type Claims = ReadonlyMap<string, Claim>;

export function settleClaims(claims: readonly Claim[]): Map<string, Claim> {
  const winners = new Map<string, Claim>();
  for (const claim of claims) {
    const rival = winners.get(claim.text);
    if (rival === undefined || compareClaims(claim, rival) < 0) winners.set(claim.text, claim);
  }
  return winners;
}

/** The frontends that a Service port really gets; those lost to another Service are reported. */
export function wonFrontends(
  service: Service,
  port: ServicePort,
  family: Family,
  claims: Claims,
  settings: FrontendSettings,
  diagnostics: Diagnostic[],
): Frontend[] {
  const id = servicePortId(service.key, port.name, port.protocol, family);
  return frontendsOf(service, port, family, settings).filter((frontend) => {
    const text = claimText(frontend, port, family);
    const winner = claims.get(text);
    if (winner === undefined || winner.id === id) return true;
    diagnostics.push({
      severity: 'error',
      code: 'frontend-conflict',
      object: service.ref,
      message: `${text} is answered by ${formatObjectRef(winner.service.ref)}, whose claim is better; this Service gets no traffic there`,
    });
    return false;
  });
}
