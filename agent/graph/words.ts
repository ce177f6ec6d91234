import type { Route } from '../../compiler/ir/ir.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { formatPercent, isZero, type Rational } from '../../compiler/values/rational.ts';
import type { ClusterNode, FrontendNode, Shares, UnusedNode } from './graph.ts';

/* The texts of nodes and edges, the same in every picture format. */

/** A reason longer than this does not fit into a node; `explain service` shows it in full. */
const longestReason = 80;
/** How many ranges of a frontend are named. */
const mostRanges = 3;

const kindTexts: Readonly<Record<FrontendNode['kind'], string>> = {
  clusterIP: 'cluster IP',
  clusterSetIP: 'clusterset IP',
  externalIP: 'external IP',
  loadBalancerIP: 'load balancer IP',
  nodePort: 'node port',
};

/** Lines of a frontend's node. */
export function frontendLines({ kind, place, sourceRanges }: FrontendNode): string[] {
  const named = sourceRanges.slice(0, mostRanges).join(', ');
  const more = sourceRanges.length > mostRanges ? ` and ${sourceRanges.length - mostRanges} more` : '';
  const ranges = sourceRanges.length === 0 ? [] : [`only from ${named}${more}`];
  return kind === 'nodePort' ? [place, ...ranges] : [kindTexts[kind], place, ...ranges];
}

/** Empty: connections go to the usual endpoints, so there is nothing to mention. */
export function routeText(route: Route): string {
  switch (route.kind) {
    case 'forward':
      return route.pool === 'local' ? 'this node only' : '';
    case 'reject':
      return 'rejected: no endpoints';
    case 'drop':
      return 'dropped: no endpoint on this node';
  }
}

export function clusterText({ name }: ClusterNode): string {
  return name ?? 'this cluster';
}

/** `1/3 (33.3333 %)`, and if there is one, the share of connections that only this node may answer. */
export function sharesText({ cluster, local }: Shares): string {
  return local === undefined ? shareText(cluster) : `${shareText(cluster)}; this node only: ${shareText(local)}`;
}

function shareText(share: Rational): string {
  if (share.denominator === 1n) return formatPercent(share);
  return `${share.numerator}/${share.denominator} (${formatPercent(share)})`;
}

/** Whether any new connection goes to this node of the picture. */
export function isUsed({ cluster, local }: Shares): boolean {
  return !isZero(cluster) || (local !== undefined && !isZero(local));
}

export function unusedText({ reasons }: UnusedNode): string {
  const [last] = reasons.slice(-1);
  return last === undefined ? 'not used' : printable(`${last.rule} ${last.text}`, longestReason);
}
