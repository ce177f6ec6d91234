import type { Found } from '../live/observation.ts';

/** kubelet's own, which it makes again: nobody takes them for a kube-proxy's. */
const kubelets = /^\w+ KUBE-(?:KUBELET-CANARY|IPTABLES-HINT)$/;

/**
 * What stays of kube-proxy's names where another program's chains are taken over: kubelets of the same age make these chains
 * too, so nobody can tell whose they are, and a rule of theirs may jump there.
 */
export function stayingNotes({ foreign, owner }: Pick<Found, 'foreign' | 'owner'>): string[] {
  if (owner !== 'another writer') return [];
  return foreign.chains.flatMap((key) => {
    const [table, name = ''] = key.split(' ');
    if (!name.startsWith('KUBE-') || kubelets.test(key)) return [];
    return [`${table} ${name} stays: a kubelet may have made it, and no rule of slicewright leads there`];
  });
}
