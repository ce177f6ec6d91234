import { foldClusters } from './fold.ts';
import type { PortGraph } from './graph.ts';
import { clusterText, frontendLines, isUsed, routeText, sharesText, unusedText } from './words.ts';

/** A graph as nodes and edges, for any drawing format. Texts are plain; the format escapes them. */
export interface Picture {
  readonly title: string;
  readonly nodes: readonly PictureNode[];
  readonly edges: readonly PictureEdge[];
}

export type NodeKind = 'frontend' | 'port' | 'cluster' | 'endpoint' | 'unused' | 'nowhere';

export interface PictureNode {
  /** Letters and digits, unique among all pictures made together. */
  readonly id: string;
  readonly kind: NodeKind;
  readonly lines: readonly string[];
}

export interface PictureEdge {
  readonly from: string;
  readonly to: string;
  /** Empty: none. */
  readonly text: string;
  /** No connection takes this edge now. */
  readonly isIdle: boolean;
}

/**
 * Pictures of graphs.
 *
 * most   how many endpoints of one cluster, used and unused each, are shown one by one; at least 1
 */
export function pictures(ports: readonly PortGraph[], most: number): Picture[] {
  return ports.map((port, index) => picture(port, `p${index}`, most));
}

function picture(port: PortGraph, prefix: string, most: number): Picture {
  const nodes: PictureNode[] = [{ id: prefix, kind: 'port', lines: [port.id] }];
  const edges: PictureEdge[] = [];
  const add = (kind: NodeKind, lines: readonly string[]): string => {
    const id = `${prefix}n${nodes.length}`;
    nodes.push({ id, kind, lines });
    return id;
  };
  for (const frontend of port.frontends) {
    const from = add('frontend', frontendLines(frontend));
    const text = routeText(frontend.route);
    if (frontend.route.kind === 'forward') edges.push({ from, to: prefix, text, isIdle: false });
    else edges.push({ from, to: add('nowhere', [text]), text: '', isIdle: false });
  }
  for (const { cluster, shown, rest } of foldClusters(port, most)) {
    const to = add('cluster', [clusterText(cluster)]);
    edges.push({ from: prefix, to, text: sharesText(cluster.shares), isIdle: !isUsed(cluster.shares) });
    for (const { place, shares, onThisNode } of shown) {
      const lines = onThisNode ? [place, 'on this node'] : [place];
      edges.push({ from: to, to: add('endpoint', lines), text: sharesText(shares), isIdle: !isUsed(shares) });
    }
    if (rest !== undefined) {
      const lines = [`${rest.count} more endpoints`];
      edges.push({ from: to, to: add('endpoint', lines), text: sharesText(rest.shares), isIdle: !isUsed(rest.shares) });
    }
    const { unused } = cluster;
    const named = unused.length <= most ? unused : unused.slice(0, most - 1);
    for (const node of named) {
      edges.push({ from: to, to: add('unused', [node.place, unusedText(node)]), text: '', isIdle: true });
    }
    if (named.length < unused.length) {
      const lines = [`${unused.length - named.length} more that are not used`];
      edges.push({ from: to, to: add('unused', lines), text: '', isIdle: true });
    }
  }
  return { title: port.id, nodes, edges };
}
