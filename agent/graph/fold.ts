import { add, type Rational } from '../../compiler/values/rational.ts';
import type { ClusterNode, EndpointNode, PortGraph, Shares } from './graph.ts';

/** Endpoints that a picture shows as one. */
export interface Folded {
  readonly count: number;
  readonly shares: Shares;
}

/** A cluster as a picture shows it. */
export interface FoldedCluster {
  readonly cluster: ClusterNode;
  readonly shown: readonly EndpointNode[];
  /** undefined: every endpoint is shown. */
  readonly rest: Folded | undefined;
}

/**
 * Cuts a cluster's endpoints to what a picture can show. The rest becomes one node with its number and its share, so that the
 * shares still add up.
 */
export function foldClusters({ clusters }: PortGraph, most: number): FoldedCluster[] {
  return clusters.map((cluster) => {
    const { endpoints } = cluster;
    if (endpoints.length <= most) return { cluster, shown: endpoints, rest: undefined };
    const shown = endpoints.slice(0, most - 1);
    const rest = endpoints.slice(most - 1);
    return { cluster, shown, rest: { count: rest.length, shares: rest.map(({ shares }) => shares).reduce(addShares) } };
  });
}

function addShares(a: Shares, b: Shares): Shares {
  return { cluster: add(a.cluster, b.cluster), local: addLocal(a.local, b.local) };
}

function addLocal(a: Rational | undefined, b: Rational | undefined): Rational | undefined {
  return a === undefined || b === undefined ? (a ?? b) : add(a, b);
}
