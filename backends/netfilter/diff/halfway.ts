import type { Family } from '../../../compiler/values/address.ts';
import { type TableState, tableState } from './diff.ts';
import { frontendOf } from '../frontend.ts';
import { kernelChains } from '../kernel-chains.ts';
import { commonLines, mergeLines } from '../text/lines.ts';
import type { OwnChains } from '../own-chains.ts';
import { parseRule } from '../text/parse-rule.ts';
import { reachableChains, sharedNat } from '../trace/reach.ts';
import { chainKey, type KernelChain, type Ruleset } from '../rule.ts';

/**
 * What table filter holds while table nat changes.
 *
 * Each table commits by itself, so between the old nat and the new one there is an instant in which
 * a packet meets the nat of one program and the filter of the other. Filter refuses what nat has
 * left alone, so which of its rules may be there already, or still, depends on what nat does to
 * their frontend before and after:
 *
 *   translated by        a refusal is added   a refusal goes
 *   old nat, new nat     early                late     it bites only where nat does not translate
 *   old nat only         early                early    it bites when translation ends
 *   new nat only         late                 late     translation must begin first
 *   neither              late                 early    but late if the new program refuses it too:
 *                                                      then one takes over from the other
 *
 * Rules that concern no nat go by the same table, with what filter itself does in the place of
 * translation: a health check's port is let in by the old program, the new one or both, and so for
 * the refusals of a chain that name no frontend (packets to 127.0.0.0/8 from elsewhere). What lets
 * marked packets through comes early and goes late. Lines keep the order of both programs, so the
 * first that takes a packet is the first in the old program or the first in the new one: a packet
 * gets its old verdict or its new one.
 *
 * What this cannot do: where one Service's endpoint has the very address and port that another
 * Service refuses, and both change at once, that address is judged by either's old or new rules.
 * And if another program removed slicewright's hooks from filter only, neither filter nor nat may refuse what the
 * old program refuses: if the same frontends change at that very moment, some packets
 * are refused for the length of one commit.
 */
export function halfwayFilter(
  observed: Ruleset,
  desired: Ruleset,
  states: { readonly from: TableState; readonly to: TableState },
  own: OwnChains,
): TableState {
  const { from, to } = states;
  const reached = reachableChains(from);
  const before = lazySubjects(observed, own);
  const after = lazySubjects(desired, own);
  const timing = timingOf(desired.family, before, after);
  const chains = new Map<string, readonly string[]>();
  for (const name of new Set([...from.chains.keys(), ...to.chains.keys()])) {
    // What no packet gets to is not in force: only the new lines count.
    const old = (reached.has(name) ? from.chains.get(name) : undefined) ?? [];
    chains.set(name, halfwayLines(old, to.chains.get(name) ?? [], timing));
  }
  return { chains, hooks: bothHooks(from, to) };
}

/** When a line comes or goes. */
interface Timing {
  /** One that goes stays until nat is the new one. */
  readonly isLate: (line: string) => boolean;
  /** One that comes is there before nat is the new one. */
  readonly isEarly: (line: string) => boolean;
}

/** Subjects of the rules of table nat, and of filter, before and after. */
function timingOf(family: Family, before: () => ReadonlySet<string>, after: () => ReadonlySet<string>): Timing {
  return {
    isLate(line) {
      const subject = subjectOf(family, line);
      if (subject === undefined || after().has(subject)) return true;
      return !before().has(subject) && after().has(`refuse ${subject}`);
    },
    isEarly(line) {
      const subject = subjectOf(family, line);
      return subject === undefined || before().has(subject);
    },
  };
}

function halfwayLines(old: readonly string[], young: readonly string[], { isLate, isEarly }: Timing): string[] {
  const common = commonLines(old, young);
  const oldStays = new Set(common.map(([i]) => i));
  const youngStands = new Set(common.map(([, j]) => j));
  return mergeLines(
    old.filter((line, i) => oldStays.has(i) || isLate(line)),
    young.filter((line, j) => youngStands.has(j) || isEarly(line)),
  );
}

/** What rules of shared chains decide about, one Service port's or some. */
export interface Deciding {
  /** The frontends ({@link frontendOf}) of rules of table nat that jump, as far as packets get to them. */
  readonly nat: readonly string[];
  /** Lines of table filter. */
  readonly filter: readonly string[];
}

/**
 * {@link halfwayFilter} of a part of the rules: no rule outside that part is for their frontends.
 *
 * returns   from a run of lines before and the run after it in the same place, the lines between the two commits
 */
export function halfwayRuns(
  family: Family,
  before: Deciding,
  after: Deciding,
): (old: readonly string[], young: readonly string[]) => readonly string[] {
  const [old, young] = [before, after].map(({ nat, filter }) => {
    const found = new Set<string>();
    for (const frontend of nat) addTranslated(found, frontend);
    for (const line of filter) addDecided(found, family, line);
    return found;
  }) as [Set<string>, Set<string>];
  const timing = timingOf(
    family,
    () => old,
    () => young,
  );
  return (from, to) => halfwayLines(from, to, timing);
}

/** A packet may reach every chain that it reaches before or after. */
function bothHooks(from: TableState, to: TableState): TableState['hooks'] {
  const linesOf = (state: TableState, chain: KernelChain) =>
    state.hooks.filter((hook) => hook.chain === chain).map((hook) => hook.line);
  return kernelChains.flatMap((chain) =>
    mergeLines(linesOf(from, chain), linesOf(to, chain)).map((line) => ({ chain, line })),
  );
}

/** What a rule of table filter decides about; undefined: it may always be in force, since it refuses no packet. */
function subjectOf(family: Family, line: string): string | undefined {
  const parsed = parseRule(family, line);
  if (parsed === undefined) return undefined;
  const { chain, rule } = parsed;
  const frontend = frontendOf(rule);
  const refuses = rule.target?.kind === 'drop' || rule.target?.kind === 'reject';
  if (frontend !== undefined) return refuses ? `translate ${frontend}` : `let in ${frontend}`;
  return refuses ? `refuse in ${chain}` : undefined;
}

/** Found out when first asked for: most changes leave table filter alone. */
function lazySubjects(ruleset: Ruleset, own: OwnChains): () => ReadonlySet<string> {
  let found: ReadonlySet<string> | undefined;
  return () => (found ??= subjects(ruleset, own));
}

/** What a program translates, lets in and refuses, as far as packets get to its rules. */
function subjects(ruleset: Ruleset, { isServiceChain }: OwnChains): Set<string> {
  const filter = tableState(ruleset, 'filter');
  const found = new Set<string>();
  for (const name of reachableChains(sharedNat(ruleset, isServiceChain))) {
    // Not the chain's own `rules`, which would stay in memory.
    for (const line of ruleset.chains.get(chainKey('nat', name))?.lines ?? []) {
      const rule = parseRule(ruleset.family, line)?.rule;
      const frontend = rule?.target?.kind === 'jump' ? frontendOf(rule) : undefined;
      if (frontend !== undefined) addTranslated(found, frontend);
    }
  }
  for (const name of reachableChains(filter)) {
    for (const line of filter.chains.get(name) ?? []) {
      addDecided(found, ruleset.family, line);
    }
  }
  return found;
}

function addTranslated(found: Set<string>, frontend: string): void {
  found.add(`translate ${frontend}`);
}

function addDecided(found: Set<string>, family: Family, line: string): void {
  const subject = subjectOf(family, line);
  // A refused frontend is not a translated one.
  if (subject !== undefined) found.add(subject.startsWith('translate ') ? `refuse ${subject}` : subject);
}
