import { underPrefix } from '../netfilter/prefix.ts';
import type { TableWriter } from '../netfilter/own-chains.ts';
import { chainKey } from '../netfilter/rule.ts';
import { accessFilter, ipvsChains } from './program/chain-names.ts';

const names: ReadonlySet<string> = new Set(Object.values(ipvsChains).flat());

/** IPVS mode among the backends that write tables. */
export const ipvsTables: TableWriter = {
  backend: 'ipvs',
  isOurs: (name) => names.has(name),
  isServiceChain: () => false,
  isInForce: ({ chains }, prefix) => chains.has(chainKey('filter', underPrefix(accessFilter, prefix))),
  // Its rules hand Services' packets to virtual servers.
  loadSide: undefined,
};
