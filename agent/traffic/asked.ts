import type { DialledPlace, Pool } from '../../backends/traffic.ts';
import { type Endpoint, endpointText, type Frontend, type Route, type ServicePortIR } from '../../compiler/ir/ir.ts';
import { compareText } from '../../compiler/values/names.ts';
import { type Rational, rational, zero } from '../../compiler/values/rational.ts';

/** The requested shares of one Service port in one family, in a form that counters can be compared with. */
export interface AskedPort extends Pick<ServicePortIR, 'id' | 'service' | 'portName' | 'family' | 'protocol'> {
  readonly places: readonly AskedPlace[];
  /** Pools that some frontend uses: `cluster` before `local`. */
  readonly pools: readonly Pool[];
  /** Clients stay with an endpoint, so connections are not independent choices. */
  readonly affinity: boolean;
  /** By `ip:port`. */
  readonly endpoints: readonly AskedEndpoint[];
}

export interface AskedPlace extends DialledPlace {
  /** The pool for connections to that place; undefined: none. */
  readonly pool: Pool | undefined;
}

export interface AskedEndpoint {
  /** `10.1.0.5:8080` */
  readonly endpoint: string;
  /** `local` is the local cluster. */
  readonly cluster: string;
  /** Shares of new connections; one for each pool, in the order of `pools`. */
  readonly shares: readonly Rational[];
}

export function askedOf(ir: ServicePortIR): AskedPort {
  const { id, service, portName, family, protocol, frontends, affinity } = ir;
  const names = usedPools(ir);
  const pools = names.map((name) => ir.pools[name]);
  const endpoints = new Map(pools.flat().map((endpoint) => [endpointText(endpoint), endpoint]));
  return {
    ...{ id, service, portName, family, protocol },
    pools: names,
    places: frontends.map((one) => ({
      address: one.kind === 'nodePort' ? undefined : one.address,
      port: one.port,
      pool: poolOf(isInternal(one.kind) ? ir.internal : ir.external),
    })),
    affinity: affinity.kind !== 'none',
    endpoints: [...endpoints]
      .sort(([a], [b]) => compareText(a, b))
      .map(([endpoint, { cluster = 'local' }]) => ({
        endpoint,
        cluster,
        shares: pools.map((pool) => shareIn(pool, endpoint)),
      })),
  };
}

function isInternal(kind: Frontend['kind']): boolean {
  return kind === 'clusterIP' || kind === 'clusterSetIP';
}

function poolOf(route: Route): Pool | undefined {
  return route.kind === 'forward' ? route.pool : undefined;
}

function usedPools({ frontends, internal, external, keepClientAddress }: ServicePortIR): Pool[] {
  const routes = [
    ...(frontends.some(({ kind }) => isInternal(kind)) ? [internal] : []),
    ...(frontends.some(({ kind }) => !isInternal(kind)) ? [external] : []),
  ];
  const asks = (pool: Pool): boolean => routes.some((route) => poolOf(route) === pool);
  // Connections from this node and its pods to an external place with policy Local use the whole cluster.
  const fromInside = keepClientAddress && routes.includes(external);
  return (['cluster', 'local'] as const).filter((pool) => asks(pool) || (pool === 'cluster' && fromInside));
}

function shareIn(pool: readonly Endpoint[], text: string): Rational {
  const total = pool.reduce((sum, { weight }) => sum + weight, 0);
  const found = pool.find((endpoint) => endpointText(endpoint) === text);
  return found === undefined ? zero : rational(found.weight, total);
}

/** As the agent serves it on `/slicewright/shares`: fractions are `[numerator, denominator]`, as text. */
export function askedJson(ports: readonly AskedPort[]): object {
  return {
    ports: ports.map((port) => ({
      ...port,
      endpoints: port.endpoints.map((one) => ({
        ...one,
        shares: one.shares.map(({ numerator, denominator }) => [String(numerator), String(denominator)]),
      })),
    })),
  };
}
