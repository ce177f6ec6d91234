import { type ChainPrefix, kubePrefix } from '../../compiler/settings.ts';
import type { OwnChains } from '../netfilter/own-chains.ts';
import { kubeNameOf, underPrefix } from '../netfilter/prefix.ts';
import { chainKey, type Ruleset } from '../netfilter/rule.ts';
import { isOurChain, isServiceChain } from './names.ts';

/** Entered from filter INPUT for everything that comes to an address of a Service; iptables mode has no such chain. */
const accessFilter = 'KUBE-IPVS-FILTER';

/**
 * Chains that only IPVS mode has. A node that changes its mode has them, and they go in the plan
 * that brings ours: the sets that they look into can be destroyed then.
 */
const ipvsMode: ReadonlySet<string> = new Set([
  accessFilter,
  'KUBE-IPVS-OUT-FILTER',
  'KUBE-LOAD-BALANCER',
  'KUBE-NODE-PORT',
  'KUBE-SOURCE-RANGES-FIREWALL',
]);

/** What the live side of netfilter needs to know of our names under a prefix. */
export function ownChainsOf(prefix: ChainPrefix): OwnChains {
  const is = (test: (kubeName: string) => boolean) => (chain: string) => {
    const name = kubeNameOf(chain, prefix);
    return name !== undefined && test(name);
  };
  const isOurs = is((name) => isOurChain(name) || ipvsMode.has(name));
  return { prefix, isOurs: (_, chain) => isOurs(chain), isServiceChain: is(isServiceChain) };
}

/** Under kube-proxy's names. */
export const ownChains = ownChainsOf(kubePrefix);

/** Whether the rules are those of IPVS mode, which leave the Services to virtual servers. */
export function isOfIpvsMode({ chains }: Ruleset, prefix: ChainPrefix): boolean {
  return chains.has(chainKey('filter', underPrefix(accessFilter, prefix)));
}
