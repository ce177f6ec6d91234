import type { Endpoint, Frontend, Route, ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';

/**
 * A Service port without the parts that IPVS mode would break for others or cannot reach itself.
 *
 * IPVS takes packets on their way in, so a frontend's address becomes the node's own. An address that another node or a
 * pod has must not: this node could no longer reach them. And what is sent on to an address of a Service stays on the
 * node, where at best a process of the host answers, so an endpoint with such an address does not count.
 */
export function withinReach(ir: ServicePortIR, node: NodeContext): ServicePortIR {
  const { contested } = node;
  if (contested.elsewhere.length === 0 && contested.ours.length === 0) return ir;
  const frontends = ir.frontends.filter((frontend) => !isElsewhere(frontend, node));
  const cluster = ir.pools.cluster.filter((endpoint) => !isOurs(endpoint, node));
  const local = ir.pools.local.filter((endpoint) => !isOurs(endpoint, node));
  if (cluster.length === ir.pools.cluster.length && local.length === ir.pools.local.length) {
    return frontends.length === ir.frontends.length ? ir : { ...ir, frontends };
  }
  // As the compiler routes (compiler/ir/build.ts): clients of a Service without any endpoint are refused.
  const hasEndpoints = cluster.length > 0 || (ir.pools.cluster.length === 0 && local.length > 0);
  const route = (before: Route): Route => {
    if (!hasEndpoints) return { kind: 'reject', why: 'no-endpoints' };
    const staysLocal = before.kind === 'forward' && before.pool === 'local';
    return staysLocal && local.length === 0 ? { kind: 'drop', why: 'no-local-endpoints' } : before;
  };
  return {
    ...ir,
    frontends,
    pools: { cluster, local },
    internal: route(ir.internal),
    external: route(ir.external),
  };
}

/** Frontends whose addresses another node or pod has, each with its owner, in words. */
export function frontendsElsewhere(ir: ServicePortIR, node: NodeContext) {
  return node.contested.elsewhere.filter(({ address }) =>
    ir.frontends.some((frontend) => frontend.kind !== 'nodePort' && frontend.address === address),
  );
}

function isElsewhere(frontend: Frontend, { contested }: NodeContext): boolean {
  return frontend.kind !== 'nodePort' && contested.elsewhere.some(({ address }) => address === frontend.address);
}

function isOurs({ address }: Endpoint, { contested }: NodeContext): boolean {
  return contested.ours.includes(address);
}
