import type { ChainPrefix } from '../../../compiler/settings.ts';
import { chainFromLines } from '../../netfilter/chain.ts';
import { sameLines } from '../../netfilter/text/lines.ts';
import { ownChainsOf } from '../../netfilter/own-chains.ts';
import { besideOthers, withMark } from '../../netfilter/ownership.ts';
import { planRestores, type RestoreStep } from '../../netfilter/diff/plan.ts';
import type { Tools } from '../../netfilter/live/kernel.ts';
import type { Chain, Ruleset } from '../../netfilter/rule.ts';
import { ipvsTables } from '../table-writer.ts';
import type { Found, IpvsProgram } from '../program/program.ts';
import type { IpvsStep } from './steps.ts';

/** The steps for rules: those that prepare for what comes, and those that follow what has gone. */
export interface ChainPlan {
  readonly change: readonly IpvsStep[];
  readonly remove: readonly IpvsStep[];
}

/**
 * Rules get slicewright's mark beside them, as those of every program that is applied. With nothing to be
 * there in the end, they go when all they were for has gone; rules of another mode are left to
 * that mode.
 */
export function planChains(observed: IpvsProgram, wanted: IpvsProgram, found: Found): ChainPlan {
  const { prefix } = wanted;
  // A part of a program, which leaves the rules alone.
  if (observed.rules === wanted.rules) return { change: [], remove: [] };
  const isEnd = wanted.sets.size === 0;
  if (isEnd && wanted.rules.chains.size > 0) return { change: [], remove: [] };
  const rules = wantedRules(observed, isEnd ? undefined : wanted.rules, found);
  if (isEnd) return { change: [], remove: chainSteps(observed.rules, rules, found, prefix, 'remove') };
  const halfway = halfwayRules(observed.rules, rules, wanted.everyRule ?? wanted.rules);
  return {
    change: chainSteps(observed.rules, halfway, found, prefix),
    remove: halfway === rules ? [] : chainSteps(halfway, rules, found, prefix, 'remove'),
  };
}

/** Only a kernel has other programs' rules and slicewright's mark: programs that were never read have neither. */
export function wantedRules(observed: IpvsProgram, wanted: Ruleset | undefined, { tables }: Found): Ruleset {
  if (tables !== undefined) return besideOthers(wanted, observed.rules, tables.foreign, observed.prefix);
  return wanted ?? { family: observed.family, chains: new Map(), hooks: [] };
}

/**
 * The wanted rules, with those over sets that only the found program has rules for.
 *
 * A rule over a set is left out when the set is empty, and entries outlive the change of rules:
 * without their rule, the last Service of a kind would be reached unmasqueraded, or by anyone,
 * until it has gone. So these rules stay a while, each in its place among the other rules.
 */
function halfwayRules(found: Ruleset, wanted: Ruleset, everyRule: Ruleset): Ruleset {
  const chains = new Map<string, Chain>();
  let isSame = true;
  for (const [key, chain] of wanted.chains) {
    const before = found.chains.get(key)?.lines ?? [];
    const lines = halfwayLines(before, chain.lines, everyRule.chains.get(key)?.lines ?? chain.lines);
    const stays = sameLines(lines, chain.lines);
    chains.set(key, stays ? chain : chainFromLines(wanted.family, chain.table, chain.name, lines));
    isSame &&= stays;
  }
  return isSame ? wanted : { ...wanted, chains };
}

function halfwayLines(found: readonly string[], wanted: readonly string[], every: readonly string[]): string[] {
  const known = new Set(wanted);
  const sets = new Set(found.flatMap((line) => setIn(line) ?? []));
  for (const line of wanted) sets.delete(setIn(line) ?? '');
  // Filters of single virtual servers only drop, so one more of them may be at any place.
  const filters = found.filter((line) => line.includes(' -m ipvs --vproto ') && !known.has(line));
  return [...filters, ...every.filter((line) => known.has(line) || sets.has(setIn(line) ?? ''))];
}

function setIn(line: string): string | undefined {
  return / --match-set (\S+) /.exec(line)?.[1];
}

function chainSteps(
  from: Ruleset,
  to: Ruleset,
  { tables }: Found,
  prefix: ChainPrefix,
  phase?: 'remove',
): readonly IpvsStep[] {
  // A program that was never read has no chains but its own.
  const own = withMark(tables?.own ?? ownChainsOf(prefix, [ipvsTables]));
  const forward = planRestores(from, to, own);
  // Several documents are not undone: what the first ones prepared is out of reach.
  const [back] = forward.length === 1 ? planRestores(to, from, own) : [];
  return forward.map((step) => chainStep(step, back, tables?.tools, phase ?? 'switch'));
}

function chainStep(
  { document }: RestoreStep,
  back: RestoreStep | undefined,
  tools: Tools | undefined,
  phase: IpvsStep['phase'],
): IpvsStep {
  const undone = back === undefined ? {} : { back: back.document };
  return { phase, family: document.family, kind: 'chains', tools, document, ...undone };
}
