import type { ChainPrefix } from '../../compiler/settings.ts';
import type { OwnChains } from '../netfilter/own-chains.ts';
import { kubeNameOf } from '../netfilter/prefix.ts';
import type { Ruleset } from '../netfilter/rule.ts';
import { ipvsChains } from './node-chains.ts';

const names: ReadonlySet<string> = new Set(Object.values(ipvsChains).flat());

/**
 * Chains of Services in iptables mode. A node that changes its mode has them, and they go in the
 * plan that brings ours. What kubelet has in KUBE-FIREWALL stays (netfilter/ownership.ts).
 */
const serviceChains = /^KUBE-(SVC|SVL|EXT|FW|SEP)-[A-Z2-7]{16}$/;
const iptablesMode: ReadonlySet<string> = new Set([
  'KUBE-EXTERNAL-SERVICES',
  'KUBE-FIREWALL',
  'KUBE-NODEPORTS',
  'KUBE-PROXY-CANARY',
]);

export function ownChainsOf(prefix: ChainPrefix): OwnChains {
  const isServiceChain = (chain: string) => serviceChains.test(kubeNameOf(chain, prefix) ?? '');
  return {
    prefix,
    isServiceChain,
    isOurs(_table, chain) {
      const name = kubeNameOf(chain, prefix);
      return name !== undefined && (names.has(name) || iptablesMode.has(name) || isServiceChain(chain));
    },
  };
}

/** Whether rules send Services' packets to endpoints by themselves, before IPVS could see them. */
export function translates(rules: Ruleset, prefix: ChainPrefix): boolean {
  const { isServiceChain } = ownChainsOf(prefix);
  return [...rules.chains.values()].some(({ table, name }) => table === 'nat' && isServiceChain(name));
}
