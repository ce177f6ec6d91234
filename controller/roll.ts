import { type ClusterName, compareText, parseClusterName } from '../compiler/values/names.ts';

/**
 * Who is who: a cluster is known by the uid of its `kube-system` namespace (CC-1), which is remembered across restarts.
 * Of two names for one cluster the second, in order of names, is refused: which one that is must not depend on who
 * answers first. A name under which another cluster answers than before is refused until somebody states the new uid.
 */
export interface Roll {
  /** States the uid that a cluster must have, whatever was remembered; undefined: the one that is remembered. */
  state(cluster: ClusterName, uid: string | undefined): void;
  /** The cluster answered, and this is its uid; '' says nothing. */
  note(cluster: ClusterName, uid: string): void;
  /** Why nothing of the cluster is used, and nothing is written there; undefined: it is what its name says. */
  refusal(cluster: ClusterName): string | undefined;
  /** It is registered no more: whoever comes under its name later is a new cluster. */
  forget(cluster: ClusterName): void;
  /** What has to be remembered: `m1=UID,m2=UID`. */
  text(): string;
  /** Takes in what was remembered. It is older than what was seen since, so it counts where they differ. */
  restore(text: string): void;
}

export function createRoll(): Roll {
  const stated = new Map<ClusterName, string>();
  const remembered = new Map<ClusterName, string>();
  const seen = new Map<ClusterName, string>();
  /** Once another answered, what is held of a name may be of either. */
  const replaced = new Set<ClusterName>();

  const expected = (cluster: ClusterName): string | undefined => stated.get(cluster) ?? remembered.get(cluster);

  function judge(cluster: ClusterName): void {
    const uid = seen.get(cluster);
    if (uid !== undefined && uid !== (expected(cluster) ?? uid)) replaced.add(cluster);
  }

  function twinOf(cluster: ClusterName): ClusterName | undefined {
    const uid = seen.get(cluster);
    if (uid === undefined) return undefined;
    const first = [...seen.keys()].sort(compareText).find((other) => seen.get(other) === uid);
    return first === cluster ? undefined : first;
  }

  return {
    state(cluster, uid) {
      if (uid === undefined) stated.delete(cluster);
      else stated.set(cluster, uid);
    },
    note(cluster, uid) {
      if (uid === '') return;
      seen.set(cluster, uid);
      if (!remembered.has(cluster)) remembered.set(cluster, uid);
      judge(cluster);
    },
    refusal(cluster) {
      const twin = twinOf(cluster);
      if (twin !== undefined) return `it is the same cluster as ${twin}`;
      if (!replaced.has(cluster)) return undefined;
      const uid = seen.get(cluster);
      return `a different cluster answers under its name: its uid is ${uid}, and it should be ${expected(cluster)}; if the cluster was replaced on purpose, set --cluster-uid ${cluster}=${uid}, or by annotation slicewright.dev/cluster-uid on its Secret`;
    },
    forget(cluster) {
      for (const each of [stated, remembered, seen, replaced]) each.delete(cluster);
    },
    text: () =>
      [...new Set([...remembered.keys(), ...stated.keys()])]
        .sort(compareText)
        .map((cluster) => `${cluster}=${expected(cluster)}`)
        .join(','),
    restore(text) {
      for (const pair of text.split(',')) {
        const [, id, uid] = /^([^=]+)=([^=]{1,100})$/.exec(pair) ?? [];
        const cluster = parseClusterName(id);
        if (cluster === undefined || uid === undefined) continue;
        remembered.set(cluster, uid);
        judge(cluster);
      }
    },
  };
}
