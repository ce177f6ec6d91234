import type { Service } from '../model/service.ts';
import type { ServicePort } from '../model/service-ports.ts';
import { type Family, families } from '../values/address.ts';
import type { Port } from '../values/port.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { compareText, type ServiceKey, type ServicePortId, servicePortId } from '../values/names.ts';
import { formatObjectRef } from '../values/object-ref.ts';
import { oneText } from '../values/one-text.ts';
import { setOrDelete } from '../counts.ts';
import { type FrontendSettings, frontendsOf } from './frontends.ts';
import type { Frontend } from './ir.ts';

/** One Service port's request to answer at one place. */
export interface Claim {
  /** `10.0.0.1:80/TCP`, `node port 30080/TCP/IPv4`: unique on a node. */
  readonly text: string;
  readonly service: Service;
  readonly id: ServicePortId;
  readonly kind: Frontend['kind'] | 'healthCheck';
}

function allClaimsOf(service: Service | undefined, settings: FrontendSettings): Claim[] {
  return service === undefined
    ? []
    : families.flatMap((family) => [
        ...claimsOf(service, family, settings),
        ...healthCheckClaim(service, family, settings),
      ]);
}

/** A health check is answered at the node's addresses, as a node port is: each number can be given out once. */
function healthCheckClaim(service: Service, family: Family, { compat }: FrontendSettings): Claim[] {
  const { healthCheckNodePort: port } = service;
  if (port === undefined || compat === 'kube-proxy' || service.clusterIPs[family] === undefined) return [];
  const id = `${service.key} health check/${family}` as ServicePortId;
  return [{ text: `node port ${port}/TCP/${family}`, service, id, kind: 'healthCheck' }];
}

/** The port of a Service's health checks, unless another Service has it; a port lost to another Service is reported. */
export function wonHealthCheckPort(
  service: Service,
  family: Family,
  claims: Claims,
  settings: FrontendSettings,
  diagnostics: Diagnostic[],
): Port | undefined {
  const [claim] = healthCheckClaim(service, family, settings);
  const winner = claim && claims.winner(claim.text);
  if (claim === undefined || winner === undefined || winner.id === claim.id) return service.healthCheckNodePort;
  diagnostics.push({
    severity: 'warning',
    code: 'health-check-port-conflict',
    object: service.ref,
    field: 'spec.healthCheckNodePort',
    message: `${claim.text} already belongs to ${formatObjectRef(winner.service.ref)} as ${winner.kind === 'healthCheck' ? 'its health check port' : 'a node port'} (${whyFirst(winner, claim)}); health checks of this Service are not answered on this node`,
  });
  return undefined;
}

/** Every place at which a Service would answer in one family. */
function claimsOf(service: Service, family: Family, settings: FrontendSettings): Claim[] {
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

function claimText(frontend: Frontend, { protocol }: ServicePort, family: Family): string {
  if (frontend.kind === 'nodePort') return oneText([`node port ${frontend.port}`, protocol, family], '/');
  const host = frontend.address.includes(':') ? `[${frontend.address}]` : frontend.address;
  return oneText([host, `${frontend.port}/${protocol}`], ':');
}

/**
 * Orders claims for one place, the better claim first: a cluster IP, which the API server gave out, before addresses
 * that anyone may write into a Service; then the older Service (an unknown age is the youngest), then by key.
 */
function compareClaims(a: Claim, b: Claim): number {
  return (
    Number(b.kind === 'clusterIP') - Number(a.kind === 'clusterIP') ||
    (a.service.createdMs ?? Number.MAX_VALUE) - (b.service.createdMs ?? Number.MAX_VALUE) ||
    compareText(a.id, b.id)
  );
}

/** Which of these three comparisons decided for the winner. */
function whyFirst(winner: Claim, loser: Pick<Claim, 'kind' | 'service'>): string {
  if (winner.kind === 'clusterIP' && loser.kind !== 'clusterIP') return 'its cluster IP';
  return winner.service.createdMs === loser.service.createdMs ? 'first by name' : 'older';
}

/** Which Service owns each place. */
export interface Claims {
  winner(text: string): Claim | undefined;
}

export interface ClaimTable extends Claims {
  /** Replaces all claims of a Service; undefined: the Service is gone. */
  set(key: ServiceKey, service: Service | undefined): void;
  /** Services that claim a place whose winner changed since the last call. */
  takeUnsettled(): Set<ServiceKey>;
}

export function createClaimTable(settings: FrontendSettings): ClaimTable {
  /** The best claim first. */
  const claimants = new Map<string, readonly Claim[]>();
  const services = new Map<ServiceKey, Service>();
  /** Places whose winner changed, with their previous winner. */
  const unsettled = new Map<string, ServicePortId | undefined>();

  function winner(text: string): Claim | undefined {
    return claimants.get(text)?.[0];
  }

  /** Also where a Service port claims a place twice, by two kinds of address: a Service's claims go together. */
  function retract({ text, id }: Claim): void {
    const others = claimants.get(text)?.filter((claim) => claim.id !== id) ?? [];
    setOrDelete(claimants, text, others, others.length > 0);
  }

  function stake(claim: Claim): void {
    const rivals = claimants.get(claim.text);
    claimants.set(claim.text, rivals === undefined ? [claim] : [...rivals, claim].sort(compareClaims));
  }

  return {
    winner,
    set(key, service) {
      const known = services.get(key);
      if (known === service) return;
      const before = allClaimsOf(known, settings);
      const after = allClaimsOf(service, settings);
      for (const { text } of [...before, ...after]) {
        if (!unsettled.has(text)) unsettled.set(text, winner(text)?.id);
      }
      for (const claim of before) retract(claim);
      for (const claim of after) stake(claim);
      if (service === undefined) services.delete(key);
      else services.set(key, service);
    },
    takeUnsettled() {
      const keys = new Set<ServiceKey>();
      for (const [text, before] of unsettled) {
        if (winner(text)?.id === before) continue;
        for (const { service } of claimants.get(text) ?? []) keys.add(service.key);
      }
      unsettled.clear();
      return keys;
    },
  };
}

/** The frontends that a Service port really gets; frontends lost to another Service are reported. */
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
    const winner = claims.winner(text);
    if (winner === undefined || winner.id === id) return true;
    diagnostics.push({
      severity: 'error',
      code: 'frontend-conflict',
      object: service.ref,
      message: `${text} already belongs to ${formatObjectRef(winner.service.ref)} (${whyFirst(winner, { kind: frontend.kind, service })}); not served for ${service.key}`,
    });
    return false;
  });
}
