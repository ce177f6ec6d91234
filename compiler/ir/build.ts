import type { Candidate } from '../merge/match.ts';
import type { Service } from '../model/service.ts';
import type { ServicePort } from '../model/service-ports.ts';
import type { Family } from '../values/address.ts';
import { exact } from '../values/exact.ts';
import { servicePortId } from '../values/names.ts';
import type { Port } from '../values/port.ts';
import type { ObjectRef } from '../values/object-ref.ts';
import { type Categories, isInPool, type PoolsInUse } from './categorize.ts';
import { contentHash } from './hash.ts';
import type { Endpoint, Frontend, KnownEndpoint, Route, ServicePortIR } from './ir.ts';

/** The pools that some client can be sent to (IPT-3.4); a pool that no client uses stays empty. */
export function poolsInUse(service: Service, frontends: readonly Frontend[]): PoolsInUse {
  const inside = frontends.some(({ kind }) => isInternal(kind));
  const outside = frontends.some(({ kind }) => !isInternal(kind));
  return {
    cluster: (inside && !service.internalPolicyLocal) || outside,
    local: (inside && service.internalPolicyLocal) || (outside && service.externalPolicyLocal),
  };
}

function isInternal(kind: Frontend['kind']): boolean {
  return kind === 'clusterIP' || kind === 'clusterSetIP';
}

/**
 * The IR of one Service port in one family.
 *
 * candidates  all that are known, in byte-wise order of `ip:port`
 * masqueradeRemote  connections to other clusters get the node's address
 * healthCheckNodePort  undefined: the Service has none, or another Service has it
 * origin      the Service and its slices
 */
export function buildServicePort(
  service: Service,
  port: ServicePort,
  family: Family,
  frontends: readonly Frontend[],
  candidates: readonly Candidate[],
  categories: Categories,
  masqueradeRemote: boolean,
  healthCheckNodePort: Port | undefined,
  origin: readonly ObjectRef[],
): ServicePortIR {
  const { cluster, local } = categories;
  const ir: Omit<ServicePortIR, 'hash'> = {
    id: servicePortId(service.key, port.name, port.protocol, family),
    service: service.key,
    portName: port.name,
    family,
    protocol: port.protocol,
    frontends: exact(frontends),
    pools: {
      cluster: poolOf(candidates, cluster, masqueradeRemote),
      local: poolOf(candidates, local, masqueradeRemote),
    },
    internal: route(service.internalPolicyLocal, categories),
    external: route(service.externalPolicyLocal, categories),
    keepClientAddress: service.externalPolicyLocal,
    affinity: service.affinity,
    healthCheckNodePort,
    known: candidates.map(toKnown),
    origin,
  };
  return { ...ir, hash: contentHash(ir) };
}

/**
 * IPT-10: without endpoints anywhere, clients are rejected at once; with endpoints elsewhere but none on this node,
 * packets are dropped.
 */
function route(localPolicy: boolean, { hasEndpoints, hasLocalEndpoints }: Categories): Route {
  if (!hasEndpoints) return { kind: 'reject', why: 'no-endpoints' };
  if (!localPolicy) return { kind: 'forward', pool: 'cluster' };
  return hasLocalEndpoints ? { kind: 'forward', pool: 'local' } : { kind: 'drop', why: 'no-local-endpoints' };
}

/** Shared by all pools that no client uses. */
const nobody: readonly Endpoint[] = [];

function poolOf(
  candidates: readonly Candidate[],
  weights: readonly number[],
  masqueradeRemote: boolean,
): readonly Endpoint[] {
  if (!weights.some(isInPool)) return nobody;
  const endpoints = candidates.map((candidate, i) => toEndpoint(candidate, weights[i] ?? 0, masqueradeRemote));
  return weights.every(isInPool) ? endpoints : exact(endpoints.filter(({ weight }) => isInPool(weight)));
}

function toEndpoint(candidate: Candidate, weight: number, masqueradeRemote: boolean): Endpoint {
  return {
    address: candidate.endpoint.address,
    port: candidate.port,
    weight,
    local: candidate.locality === 'node',
    masquerade: masqueradeRemote && candidate.cluster !== undefined,
    cluster: candidate.cluster,
  };
}

function toKnown({ endpoint, port, locality }: Candidate): KnownEndpoint {
  return {
    address: endpoint.address,
    port,
    local: locality === 'node',
    ready: endpoint.ready,
    serving: endpoint.serving,
  };
}
