import type { ChainPrefix } from '../../../compiler/settings.ts';

/** `kube-ipvs0`: the dummy link that makes frontends' addresses local to the node, so that packets for them reach IPVS. */
export function linkName(prefix: ChainPrefix): string {
  return `${prefix.toLowerCase()}-ipvs0`;
}

/** `kube-ipvs0`, `slwr-ipvs0`: such a link, made by slicewright under any prefix or by a kube-proxy beside it. */
export function isIpvsLink(name: string): boolean {
  return /^[a-z][a-z0-9]{1,4}-ipvs0$/.test(name);
}
