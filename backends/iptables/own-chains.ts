import type { OwnChains } from '../netfilter/own-chains.ts';
import { isOurChain, isServiceChain } from './names.ts';

/** What the live side of netfilter needs to know of our names. */
export const ownChains: OwnChains = {
  isOurs: (_, chain) => isOurChain(chain),
  isServiceChain,
};
