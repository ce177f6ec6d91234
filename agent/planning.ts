import type { Run } from '../backends/command.ts';
import { ownChainsOf } from '../backends/iptables/own-chains.ts';
import { KernelError } from '../backends/netfilter/errors.ts';
import { fingerprintOf } from '../backends/netfilter/fingerprint.ts';
import {
  desiredRuleset,
  type Found,
  type LivePlan,
  type Observation,
  observe,
  planLive,
} from '../backends/netfilter/live.ts';
import { ownerOf, withMark } from '../backends/netfilter/ownership.ts';
import type { OwnChains } from '../backends/netfilter/own-chains.ts';
import { markerOf } from '../backends/netfilter/prefix.ts';
import type { Ruleset } from '../backends/netfilter/rule.ts';
import type { ChainPrefix } from '../compiler/settings.ts';
import type { NodeContext } from '../compiler/ir/node-context.ts';
import { type Family, families } from '../compiler/values/address.ts';
import type { Danger } from './plan-report/dangers.ts';
import type { Side } from './plan-report/traffic.ts';
import type { Dump } from './sources/dump.ts';
import { isUsed, type Wanted } from './wanted.ts';

export interface PlannedFamily {
  /** What the plan starts from, for people: `the kernel (nft)`, a file's name. */
  readonly source: string;
  readonly found: Found;
  readonly plan: LivePlan;
  readonly node: NodeContext;
  /** Of the place itself, whatever the plan does there. */
  readonly dangers: readonly Danger[];
  /** The traffic now, where rules do not decide about it alone. */
  readonly before?: Side;
  readonly notes?: readonly string[];
}

/** Names of chains that are ours in a kernel, or in what was saved from one. */
export function oursUnder(prefix: ChainPrefix): OwnChains {
  return withMark(ownChainsOf(prefix));
}

/**
 * The plan from a dump, as if it were the kernel. Our mark says to whom a kernel's chains belong, and
 * a dump belongs to nobody: the mark is wanted where the dump has it or the plan is to be applied,
 * else a program that compile wrote would differ from itself.
 */
export function planFromDump(dump: Dump, wanted: Wanted, isToBeApplied: boolean): PlannedFamily {
  const { family, path } = dump;
  const { chainPrefix } = wanted.settings;
  const own = ownChainsOf(chainPrefix);
  const found = foundIn(dump, chainPrefix);
  const desired = desiredRuleset(found, targetOf(wanted, family), own);
  const isMarked = isToBeApplied || found.owner === 'us';
  return {
    source: path,
    found,
    plan: planLive(found, targetOf(wanted, family), own, isMarked ? desired : withoutMark(desired, chainPrefix)),
    node: wanted.compilation.node[family],
    dangers: [],
  };
}

/** A dump as what was found. */
export function foundIn({ family, save: { ruleset, foreign } }: Dump, prefix: ChainPrefix): Found {
  return { family, ruleset, foreign, owner: ownerOf(ruleset, prefix), fingerprint: fingerprintOf(ruleset) };
}

/** The plan from what a kernel holds. */
export function planFromKernel(observed: Observation, wanted: Wanted): PlannedFamily {
  const { family, tools } = observed;
  return {
    source: `the kernel (${tools.mode})`,
    found: observed,
    plan: planLive(observed, targetOf(wanted, family), ownChainsOf(wanted.settings.chainPrefix)),
    node: wanted.compilation.node[family],
    dangers: dangersOf(observed),
  };
}

/** What shall be in force, for `planLive` and `applyTarget`. */
export function targetOf({ programs, compilation }: Wanted, family: Family) {
  return { program: programs[family], services: compilation.services[family] };
}

/**
 * What the kernel holds now: of every family that the node or a Service has, and of one that it
 * has no longer while rules of ours are left there.
 *
 * throws   KernelError when a family cannot be read that is needed
 */
export async function observeFamilies(run: Run, wanted: Wanted): Promise<Observation[]> {
  const observations: Observation[] = [];
  for (const family of families) {
    const observed = await observePossible(run, family, isUsed(wanted, family), wanted.settings.chainPrefix);
    if (observed !== undefined && (isUsed(wanted, family) || observed.owner === 'us')) observations.push(observed);
  }
  return observations;
}

/** undefined: this machine has no such family, and nobody needs it. */
export async function observePossible(
  run: Run,
  family: Family,
  isNeeded: boolean,
  prefix: ChainPrefix,
): Promise<Observation | undefined> {
  try {
    return await observe(run, family, ownChainsOf(prefix));
  } catch (error) {
    const isAbsent =
      error instanceof KernelError && (error.reason === 'missing-tool' || error.reason === 'unsupported');
    if (isNeeded || !isAbsent) throw error;
    return undefined;
  }
}

/** Of the tables themselves, whatever a plan does there. */
export function dangersOf({ owner, tools, rival }: Observation): Danger[] {
  const dangers: Danger[] = [];
  if (owner === 'another writer') {
    const message = 'another program, kube-proxy most likely, made the chains that are there: apply needs --take-over';
    dangers.push({ code: 'another-writer', message });
  }
  if (rival !== undefined) {
    const message = `${rival.tools.mode} tables hold rules of Services as well as ${tools.mode} tables, and packets meet both`;
    dangers.push({ code: 'two-modes', message });
  }
  return dangers;
}

function withoutMark(ruleset: Ruleset, prefix: ChainPrefix): Ruleset {
  const marker = markerOf(prefix);
  return { ...ruleset, chains: new Map([...ruleset.chains].filter(([, { name }]) => name !== marker)) };
}
