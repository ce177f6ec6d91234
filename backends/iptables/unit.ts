import type { Family } from '../../compiler/values/address.ts';
import type { ServicePortId } from '../../compiler/values/names.ts';
import { frontendOf } from '../netfilter/frontend.ts';
import { printRule } from '../netfilter/text/print.ts';
import type { Chain, ChainName, Rule } from '../netfilter/rule.ts';

/**
 * The share of one Service port in the program: what an object file is to a linker.
 *
 * A unit is made once and kept as long as its IR keeps its hash, so the lines of an untouched
 * chain are the same array in the old program and the new one.
 */
export interface IptablesUnit {
  readonly id: ServicePortId;
  /** Chains that this Service port alone uses, all in table nat. */
  readonly chains: readonly Chain[];
  /** Its rules in chains that all share. */
  readonly entries: readonly Entry[];
  /** Endpoints that are known of it: their sum decides how all are lowered. */
  readonly known: number;
}

/** A rule in a chain that all share. Its line is kept, and not the rule as a value, which is several times as large. */
export interface Entry {
  readonly table: 'filter' | 'nat';
  readonly into: ChainName;
  readonly line: string;
  /** Whose packets it is for, as {@link frontendOf} has it; undefined: not those of one frontend. */
  readonly frontend: string | undefined;
  /** It accepts: a health check's port. */
  readonly accepts: boolean;
}

export function makeEntry(family: Family, table: Entry['table'], into: ChainName, rule: Rule): Entry {
  const line = printRule(family, into, rule);
  return { table, into, line, frontend: frontendOf(rule), accepts: rule.target?.kind === 'accept' };
}

/** The facts about all Service ports of a family that decide how each of them is lowered. */
export interface LowerOptions {
  /** False above 1000 known endpoints of a family, as in kube-proxy's large-cluster mode. */
  readonly endpointComments: boolean;
}
