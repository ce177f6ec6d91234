import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { ChainPrefix } from '../../compiler/settings.ts';
import type { Side } from '../planning/side.ts';
import type { IsOurs } from './text/parse.ts';
import { kubeNameOf } from './prefix.ts';
import { parseChainName, type Ruleset } from './rule.ts';

/**
 * A backend that writes chains into netfilter's tables, as all such backends see each other: their chains have one
 * prefix and one mark, so each must know the names of all. A node that changes its backend has chains of the former one,
 * and they go in the plan that brings the new ones.
 */
export interface TableWriter {
  readonly backend: string;
  /** Whether it makes a chain of this name; in kube-proxy's names. */
  readonly isOurs: (kubeName: string) => boolean;
  /** Whether one Service port alone uses a chain of this name. All Service ports share the other chains. */
  readonly isServiceChain: (kubeName: string) => boolean;
  /** Whether these rules are those of its mode: they decide about Services' packets, alone or with what they hand them to. */
  readonly isInForce: (ruleset: Ruleset, prefix: ChainPrefix) => boolean;
  /** What its rules do with packets; undefined: rules alone do not decide. */
  readonly loadSide: (() => Promise<RulesetSide>) | undefined;
}

export type RulesetSide = (ruleset: Ruleset, node: NodeContext) => Side;

/** Which chains of a kernel are slicewright's, under one prefix. */
export interface OwnChains {
  readonly prefix: ChainPrefix;
  readonly isOurs: IsOurs;
  readonly isServiceChain: (chain: string) => boolean;
}

/** writers   every backend that writes tables */
export function ownChainsOf(
  prefix: ChainPrefix,
  writers: readonly Pick<TableWriter, 'isOurs' | 'isServiceChain'>[],
): OwnChains {
  const is = (test: (writer: (typeof writers)[number], kubeName: string) => boolean) => (chain: string) => {
    const name = kubeNameOf(chain, prefix);
    // Writers look at how a name begins; what is no name at all begins like one too.
    return name !== undefined && parseChainName(name) !== undefined && writers.some((writer) => test(writer, name));
  };
  const isOurs = is((writer, name) => writer.isOurs(name));
  return {
    prefix,
    isOurs: (_, chain) => isOurs(chain),
    isServiceChain: is((writer, name) => writer.isServiceChain(name)),
  };
}
