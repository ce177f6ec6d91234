import { sha256 } from '../values/sha256.ts';
import type { ContentHash, Endpoint, Frontend, KnownEndpoint, Route, ServicePortIR } from './ir.ts';

/** Equal exactly for IRs with the same meaning: every field counts except the objects that the IR came from. */
export function contentHash(ir: Omit<ServicePortIR, 'hash'>): ContentHash {
  return sha256(JSON.stringify(contentOf(ir))) as ContentHash;
}

/**
 * Each value at its fixed place, without its name: a start hashes every IR, and a general canonical form took a fifth
 * of the whole compilation.
 */
function contentOf(ir: Omit<ServicePortIR, 'hash'>): readonly unknown[] {
  return [
    ir.id,
    ir.service,
    ir.portName,
    ir.family,
    ir.protocol,
    ir.frontends.map(frontendOf),
    ir.pools.cluster.map(endpointOf),
    ir.pools.local.map(endpointOf),
    routeOf(ir.internal),
    routeOf(ir.external),
    ir.keepClientAddress,
    ir.affinity.kind,
    ir.affinity.kind === 'clientIP' && ir.affinity.seconds,
    ir.healthCheckNodePort,
    ir.known.map(knownOf),
  ];
}

function frontendOf(frontend: Frontend): readonly unknown[] {
  if (frontend.kind === 'nodePort') return [frontend.kind, frontend.port];
  const place = [frontend.kind, frontend.address, frontend.port];
  return frontend.kind === 'loadBalancerIP' ? [...place, frontend.sourceRanges] : place;
}

function endpointOf({ address, port, weight, local, masquerade, cluster }: Endpoint): readonly unknown[] {
  return [address, port, weight, local, masquerade, cluster];
}

function routeOf(route: Route): readonly unknown[] {
  return [route.kind, route.kind === 'forward' ? route.pool : route.why];
}

function knownOf({ address, port, local, ready, serving }: KnownEndpoint): readonly unknown[] {
  return [address, port, local, ready, serving];
}
