import type { OwnChains } from '../netfilter/own-chains.ts';
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

/** What the live side of netfilter needs to know of our names. */
export const ownChains: OwnChains = {
  isOurs: (_, chain) => isOurChain(chain) || ipvsMode.has(chain),
  isServiceChain,
};

/** Whether the rules are those of IPVS mode, which leave the Services to virtual servers. */
export function isOfIpvsMode({ chains }: Ruleset): boolean {
  return chains.has(chainKey('filter', accessFilter));
}
