import { type ClusterName, compareText, parseClusterName } from '../compiler/values/names.ts';

/**
 * The clusters' identities: a cluster is known by the uid of its `kube-system` namespace (CC-1), which is remembered across
 * restarts. If two names stand for one cluster, the second in order of names is refused, because the choice must not depend on
 * which answers first. If another cluster answers under a name than before, the name is refused until a user states the new uid.
 */
export interface Roll {
  /** Sets the uid that a cluster must have, whatever was remembered; undefined: the remembered one counts. */
  state(cluster: ClusterName, uid: string | undefined): void;
  /** The cluster answered with this uid; '' is ignored. */
  note(cluster: ClusterName, uid: string): void;
  /** Why the cluster is neither read nor written; undefined: it is the one that its name stands for. */
  refusal(cluster: ClusterName): string | undefined;
  /** The cluster was unregistered: a later one with its name is a new cluster. */
  forget(cluster: ClusterName): void;
  /** The uids to remember: `m1=UID,m2=UID`. */
  text(): string;
  /** Restores remembered uids. They are older than those seen since the start, so they count where the two differ. */
  restore(text: string): void;
}

export function createRoll(): Roll {
  const stated = new Map<ClusterName, string>();
  const remembered = new Map<ClusterName, string>();
  const seen = new Map<ClusterName, string>();
  /** Names under which another cluster answered: objects held under them may come from either cluster. */
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
