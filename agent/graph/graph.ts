import type { Compilation } from '../../compiler/compile.ts';
import { type Endpoint, endpointText, type Frontend, type Route, type ServicePortIR } from '../../compiler/ir/ir.ts';
import type { EndpointRecord, Reason } from '../../compiler/merge/record.ts';
import { families } from '../../compiler/values/address.ts';
import { type ClusterName, compareText, type ServiceKey, servicePortId } from '../../compiler/values/names.ts';
import { type Rational, rational, sumRationals, zero } from '../../compiler/values/rational.ts';

/** How new connections to one Service port in one family are distributed. */
export interface PortGraph {
  readonly id: string;
  readonly service: ServiceKey;
  readonly frontends: readonly FrontendNode[];
  /** The local cluster first, then by name. Clusters without a known endpoint are absent. */
  readonly clusters: readonly ClusterNode[];
}

export interface FrontendNode {
  readonly kind: Frontend['kind'];
  /** `10.96.0.10:80`, or `node port 30080`. */
  readonly place: string;
  readonly route: Route;
  /** The clients that may use it; empty: everyone. */
  readonly sourceRanges: readonly string[];
}

export interface ClusterNode {
  /** undefined: the local cluster. */
  readonly name: ClusterName | undefined;
  readonly shares: Shares;
  /** In the order of `ip:port`. */
  readonly endpoints: readonly EndpointNode[];
  /** Known endpoints that get no new connections. */
  readonly unused: readonly UnusedNode[];
}

export interface EndpointNode {
  /** `10.1.0.5:8080`. */
  readonly place: string;
  readonly onThisNode: boolean;
  readonly shares: Shares;
}

export interface UnusedNode {
  readonly place: string;
  readonly reasons: readonly Reason[];
}

/** Exact shares of the connections that each pool takes. */
export interface Shares {
  readonly cluster: Rational;
  /** The share of connections that only endpoints on this node may answer; undefined: no frontend of this port asks for that. */
  readonly local: Rational | undefined;
}

/**
 * Graphs of Service ports, in order of their ids.
 *
 * isMeant   which Services; a ServiceImport's key ends with `@clusterset`
 */
export function graphs(compilation: Compilation, isMeant: (ir: ServicePortIR) => boolean): PortGraph[] {
  const records = Map.groupBy(compilation.endpoints, ({ service, portName, protocol, family }) =>
    servicePortId(service, portName, protocol, family),
  );
  return families
    .flatMap((family) => compilation.services[family])
    .filter(isMeant)
    .sort((a, b) => compareText(a.id, b.id))
    .map((ir) => graphOf(ir, records.get(ir.id) ?? []));
}

function graphOf(ir: ServicePortIR, records: readonly EndpointRecord[]): PortGraph {
  const frontends = ir.frontends.map((frontend) => frontendNode(frontend, ir));
  return { id: ir.id, service: ir.service, frontends, clusters: clusterNodes(ir, records, frontends) };
}

function frontendNode(frontend: Frontend, { internal, external }: ServicePortIR): FrontendNode {
  const isInternal = frontend.kind === 'clusterIP' || frontend.kind === 'clusterSetIP';
  return {
    kind: frontend.kind,
    place: frontend.kind === 'nodePort' ? `node port ${frontend.port}` : endpointText(frontend),
    route: isInternal ? internal : external,
    sourceRanges: frontend.kind === 'loadBalancerIP' ? frontend.sourceRanges : [],
  };
}

interface Used extends EndpointNode {
  readonly cluster: ClusterName | undefined;
}

function clusterNodes(
  ir: ServicePortIR,
  records: readonly EndpointRecord[],
  frontends: readonly FrontendNode[],
): ClusterNode[] {
  const asksLocal = frontends.some(({ route }) => route.kind === 'forward' && route.pool === 'local');
  const used = usedEndpoints(ir, asksLocal);
  const places = new Set(used.map(({ place }) => place));
  const idle = records.filter((record) => !places.has(endpointText(record)));
  const names = new Set([...used, ...idle].map(({ cluster }) => cluster));
  return ownFirst(names).map((name) => {
    const endpoints = used
      .filter(({ cluster }) => cluster === name)
      .map(({ cluster: _cluster, ...endpoint }) => endpoint);
    return {
      name,
      shares: sumShares(endpoints.map(({ shares }) => shares)),
      endpoints,
      unused: idle
        .filter(({ cluster }) => cluster === name)
        .map((record) => ({ place: endpointText(record), reasons: record.reasons })),
    };
  });
}

/** Endpoints of the cluster pool and, where a frontend takes from it, of the local pool. */
function usedEndpoints({ pools }: ServicePortIR, asksLocal: boolean): Used[] {
  const clusterShares = poolShares(pools.cluster);
  const localShares = poolShares(asksLocal ? pools.local : []);
  const endpoints = new Map(
    [...(asksLocal ? pools.local : []), ...pools.cluster].map((one) => [endpointText(one), one]),
  );
  return [...endpoints]
    .sort(([a], [b]) => compareText(a, b))
    .map(([place, { cluster, local }]) => ({
      place,
      cluster,
      onThisNode: local,
      shares: {
        cluster: clusterShares.get(place) ?? zero,
        local: asksLocal ? (localShares.get(place) ?? zero) : undefined,
      },
    }));
}

function poolShares(pool: readonly Endpoint[]): ReadonlyMap<string, Rational> {
  const total = pool.reduce((sum, { weight }) => sum + weight, 0);
  return new Map(pool.map((endpoint) => [endpointText(endpoint), rational(endpoint.weight, total)]));
}

function sumShares(shares: readonly Shares[]): Shares {
  const locals = shares.flatMap(({ local }) => (local === undefined ? [] : [local]));
  return {
    cluster: sumRationals(shares.map(({ cluster }) => cluster)),
    local: locals.length === 0 ? undefined : sumRationals(locals),
  };
}

/** Array.sort would always put undefined last. */
function ownFirst(names: ReadonlySet<ClusterName | undefined>): (ClusterName | undefined)[] {
  const others = [...names].filter((name) => name !== undefined).sort(compareText);
  return names.has(undefined) ? [undefined, ...others] : others;
}
