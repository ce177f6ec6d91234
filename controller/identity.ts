import { asFields } from '../compiler/model/fields.ts';
import type { ClusterName } from '../compiler/values/names.ts';
import { printable } from '../compiler/values/object-ref.ts';
import { problemOf } from '../agent/sources/api-problems.ts';
import type { Log } from '../agent/telling/log.ts';
import type { Cluster } from './cluster.ts';
import type { Roll } from './roll.ts';

/** Checks that clusters are those that their names stand for (CC-1). */
export interface Identity {
  /** The cluster answered with this uid. Returns whether it is the right one; a wrong one is not used any more. */
  isItself(cluster: ClusterName, uid: string): boolean;
  /** Checks all clusters again, after the remembered uids became known. */
  lookAgain(): void;
}

export function createIdentity(members: ReadonlyMap<ClusterName, Cluster>, roll: Roll, log: Log): Identity {
  function judge(name: ClusterName): boolean {
    const refusal = roll.refusal(name);
    if (refusal === undefined) return true;
    const cluster = members.get(name);
    if (cluster !== undefined && !cluster.cache.isSuspended) {
      cluster.cache.suspend(refusal);
      log.error(
        { cluster: name },
        `${refusal} (uid of namespace kube-system): the controller neither reads nor writes it`,
      );
    }
    return false;
  }
  return {
    isItself(name, uid) {
      roll.note(name, uid);
      return judge(name);
    },
    lookAgain() {
      for (const name of members.keys()) judge(name);
    },
  };
}

/** The uid of a cluster's `kube-system` namespace, or why it cannot be read now. '': the namespace has none. */
export async function uidOf({
  api,
}: Pick<Cluster, 'api'>): Promise<{ readonly uid: string } | { readonly problem: string }> {
  try {
    const raw = await api.read({ group: '', kind: 'Namespace', namespace: undefined, name: 'kube-system' }, 'v1');
    const uid = asFields(asFields(raw)?.metadata)?.uid;
    return { uid: typeof uid === 'string' ? uid : '' };
  } catch (error) {
    return { problem: printable(problemOf(error), 500) };
  }
}
