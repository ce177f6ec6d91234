import { formatPercent, type Rational } from '../../compiler/values/rational.ts';
import { type DocumentFormat, documentText } from '../terminal/document.ts';
import type { PortGraph, Shares } from './graph.ts';

/**
 * Graphs for programs, complete, however many endpoints there are. A share is
 * `{"numerator": "1", "denominator": "3", "percent": "33.3333 %"}`; `local` is null where no frontend asks for endpoints
 * of this node only. The local cluster's name is null.
 */
export function graphDocument(ports: readonly PortGraph[], format: DocumentFormat): Promise<string> {
  return documentText('TrafficGraph', { ports: ports.map(portJson) }, format);
}

function portJson({ clusters, ...port }: PortGraph) {
  return {
    ...port,
    clusters: clusters.map(({ name, shares, endpoints, unused }) => ({
      name: name ?? null,
      shares: sharesJson(shares),
      endpoints: endpoints.map((endpoint) => ({ ...endpoint, shares: sharesJson(endpoint.shares) })),
      unused,
    })),
  };
}

function sharesJson({ cluster, local }: Shares) {
  return { cluster: shareJson(cluster), local: local === undefined ? null : shareJson(local) };
}

function shareJson(share: Rational) {
  return {
    numerator: String(share.numerator),
    denominator: String(share.denominator),
    percent: formatPercent(share),
  };
}
