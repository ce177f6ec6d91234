import type { ChainPrefix } from '../../compiler/settings.ts';
import type { IsOurs } from './parse.ts';

/** What a backend says about the names of its chains. */
export interface OwnChains {
  readonly prefix: ChainPrefix;
  /** Whether a chain, found in a kernel, is one that it makes. */
  readonly isOurs: IsOurs;
  /** Whether one Service port alone uses a chain of this name. The others are shared by all. */
  readonly isServiceChain: (chain: string) => boolean;
}
