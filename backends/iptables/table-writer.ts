import { kubeNameOf } from '../netfilter/prefix.ts';
import type { TableWriter } from '../netfilter/own-chains.ts';
import { isOurChain, isServiceChain } from './names.ts';

/** iptables mode among the backends that write tables. */
export const iptablesTables: TableWriter = {
  backend: 'iptables',
  isOurs: isOurChain,
  isServiceChain,
  // Its rules send Services' packets to endpoints by themselves, before anything else could see them.
  isInForce: ({ chains }, prefix) =>
    [...chains.values()].some(({ table, name }) => table === 'nat' && isServiceChain(kubeNameOf(name, prefix) ?? '')),
  loadSide: async () => (await import('./side.ts')).rulesetSide,
};
