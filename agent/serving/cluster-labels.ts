/**
 * Names of clusters as labels of metrics. Anybody who may write slices can name any number of clusters, and
 * each would be a time series forever; so their number is limited, and all further ones count as `other`.
 */
export interface ClusterLabels {
  of(cluster: string): string;
  /** Forgets all clusters but these, and returns the forgotten ones. */
  keep(clusters: ReadonlySet<string>): string[];
}

export function createClusterLabels(max = 200): ClusterLabels {
  const known = new Set<string>();
  return {
    of(cluster) {
      if (!known.has(cluster) && known.size >= max) return 'other';
      known.add(cluster);
      return cluster;
    },
    keep(clusters) {
      const gone = [...known].filter((cluster) => !clusters.has(cluster));
      for (const cluster of gone) known.delete(cluster);
      return gone;
    },
  };
}
