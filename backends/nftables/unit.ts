import type { ServicePortId } from '../../compiler/values/names.ts';
import type { SpreadChain } from './names.ts';
import type { Name } from './program/names.ts';
import type { Chain, Element, NftSet } from './program/program.ts';

/**
 * The share of one Service port in the program: what an object file is to a linker. Most Service ports are elements of
 * standing sets and nothing else.
 */
export interface NftablesUnit {
  readonly id: ServicePortId;
  /** What it has in standing sets: each set once, with elements of different keys. */
  readonly shares: readonly SetShare[];
  /** Shared chains that its elements lead to, each once. */
  readonly spreads: readonly NamedSpread[];
  /** Chains that it alone uses. */
  readonly chains: readonly Chain[];
  /** Sets that it alone uses: the clients that its endpoints remember. */
  readonly sets: readonly NftSet[];
}

export interface NamedSpread {
  readonly name: Name;
  readonly spread: SpreadChain;
}

/** Elements of one standing set. */
export interface SetShare {
  readonly set: string;
  readonly elements: readonly Element[];
}
