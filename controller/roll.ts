import { type ClusterName, compareText } from '../compiler/values/names.ts';

/**
 * Who is who: a cluster is known by the uid of its `kube-system` namespace (CC-1). Of two names for one cluster the
 * second, in order of names, is refused: which one that is must not depend on who answers first.
 */
export interface Roll {
  /** Notes the uid; returns the cluster that has the same, if this one is refused for it. '' says nothing. */
  note(cluster: ClusterName, uid: string): ClusterName | undefined;
  isRefused(cluster: ClusterName): boolean;
  /** Whose uid changed while the controller ran: another cluster answers under its name. */
  isReplaced(cluster: ClusterName): boolean;
}

export function createRoll(clusters: readonly ClusterName[]): Roll {
  const uids = new Map<ClusterName, string>();
  const replaced = new Set<ClusterName>();
  const inOrder = [...clusters].sort(compareText);

  function twinOf(cluster: ClusterName): ClusterName | undefined {
    const uid = uids.get(cluster);
    const first = inOrder.find((other) => uids.get(other) === uid);
    return uid === undefined || first === cluster ? undefined : first;
  }

  return {
    note(cluster, uid) {
      if (uid === '') return undefined;
      const before = uids.get(cluster);
      if (before !== undefined && before !== uid) replaced.add(cluster);
      uids.set(cluster, uid);
      return twinOf(cluster);
    },
    isRefused: (cluster) => twinOf(cluster) !== undefined || replaced.has(cluster),
    isReplaced: (cluster) => replaced.has(cluster),
  };
}
