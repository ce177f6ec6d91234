/**
 * Names of clusters as labels of metrics. Whoever may write slices can name clusters without end, and
 * each is a time series forever; so there are only so many, and all further ones count as `other`.
 */
export interface ClusterLabels {
  of(cluster: string): string;
  /** Forgets all clusters but these, and returns the forgotten. */
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
