import type { Frontend, Route, ServicePortIR } from '../../compiler/ir/ir.ts';
import { servicePortText } from '../../compiler/values/names.ts';
import type { Cidr } from '../../compiler/values/address.ts';
import type { ChainName } from '../netfilter/rule.ts';
import { type ServiceChainPurpose, serviceChain } from './names.ts';

export type InternalFrontend = Extract<Frontend, { readonly kind: 'clusterIP' | 'clusterSetIP' }>;
export type ExternalFrontend = Exclude<Frontend, InternalFrontend>;
export type LoadBalancerFrontend = Extract<Frontend, { readonly kind: 'loadBalancerIP' }>;

/** Which chains one Service port needs and which chain leads to which: decided once, before any rule is written. */
export interface Outline {
  /** `ns/name:port`, as comments show it. */
  readonly text: string;
  readonly internal: readonly InternalFrontend[];
  readonly external: readonly ExternalFrontend[];
  readonly loadBalancers: readonly LoadBalancerFrontend[];
  /** The source ranges of the load balancer addresses; empty means open to everyone. */
  readonly sourceRanges: readonly Cidr[];
  /** Each chain is undefined when no rule leads there. */
  readonly clusterChain: ChainName | undefined;
  readonly localChain: ChainName | undefined;
  readonly externalChain: ChainName | undefined;
  readonly firewallChain: ChainName | undefined;
}

export function outlineOf(ir: ServicePortIR): Outline {
  const text = servicePortText(ir.service, ir.portName);
  const internal = ir.frontends.filter(isInternal);
  const external = ir.frontends.filter((frontend) => !isInternal(frontend));
  const loadBalancers = external.filter((frontend) => frontend.kind === 'loadBalancerIP');
  const sourceRanges = loadBalancers[0]?.sourceRanges ?? [];
  if (loadBalancers.some((frontend) => frontend.sourceRanges.join() !== sourceRanges.join())) {
    throw new Error(`${ir.id}: load balancer addresses of one Service differ in their source ranges`);
  }
  const named = (purpose: ServiceChainPurpose, isUsed: boolean) =>
    isUsed ? serviceChain(purpose, text, ir.protocol) : undefined;
  // Known endpoints are reason enough: a drop in table filter does not keep pods and the node
  // itself from reaching endpoints elsewhere through an external address.
  const enters = external.length > 0 && ir.external.kind !== 'reject';
  const leadsTo = (pool: 'cluster' | 'local') =>
    (internal.length > 0 && forwardsTo(ir.internal, pool)) || (enters && forwardsTo(ir.external, pool));
  return {
    text,
    internal,
    external,
    loadBalancers,
    sourceRanges,
    clusterChain: named('SVC', leadsTo('cluster') || (enters && ir.keepClientAddress)),
    localChain: named('SVL', leadsTo('local')),
    externalChain: named('EXT', enters),
    firewallChain: named('FW', enters && sourceRanges.length > 0),
  };
}

function isInternal(frontend: Frontend): frontend is InternalFrontend {
  return frontend.kind === 'clusterIP' || frontend.kind === 'clusterSetIP';
}

function forwardsTo(route: Route, pool: 'cluster' | 'local'): boolean {
  return route.kind === 'forward' && route.pool === pool;
}

/** The chain that a route goes on in; undefined when it is refused. */
export function chainOfRoute(outline: Outline, route: Route): ChainName | undefined {
  if (route.kind !== 'forward') return undefined;
  return route.pool === 'cluster' ? outline.clusterChain : outline.localChain;
}
