import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Family } from '../../compiler/values/address.ts';
import { compareText, type ServicePortId } from '../../compiler/values/names.ts';
import type { StaleFlows } from '../conntrack.ts';
import { chainFromLines } from '../netfilter/chain.ts';
import { type ChainText, chainText } from '../netfilter/diff/diff.ts';
import { halfwayRuns } from '../netfilter/diff/halfway.ts';
import { type Patch, patched, patchText } from '../netfilter/diff/patch.ts';
import {
  documentLimit,
  isEmptySection,
  lineCount,
  type RestoreDocument,
  sectionText,
} from '../netfilter/diff/transaction.ts';
import { staleFlowsBetween, udpFrontendsIn } from '../netfilter/live/flows.ts';
import type { OwnChains } from '../netfilter/own-chains.ts';
import { type Chain, chainKey, type Ruleset, type Table, tables } from '../netfilter/rule.ts';
import { sameLines } from '../netfilter/text/lines.ts';
import { reachableChains, sharedNat } from '../netfilter/trace/reach.ts';
import { link, separateUnits } from './link.ts';
import { nodeChains } from './node-chains.ts';
import type { Entry, IptablesUnit } from './unit.ts';

/**
 * A program that knows the places of each Service port's rules, so that a change costs what changed: linking and comparing
 * programs of 10,000 Services takes many times as long as the kernel takes for one endpoint.
 *
 * It is the program that `link` makes of the same units, with the rules that stay for other programs, and changes in place.
 * The document of a change is the one that `planRestores` makes of both programs. A property test holds it to both.
 */
export interface Increment {
  /** What is in force: another value after each change. */
  ruleset(): Ruleset;
  /** Lines per table, of chains. */
  rules(): ReadonlyMap<Table, number>;
  /** Endpoints that are known of all Service ports. */
  knownEndpoints(): number;
  readonly units: ReadonlyMap<ServicePortId, IptablesUnit>;
  /**
   * What other units change. It changes nothing yet, and looks only at these units and at what they had.
   *
   * returns   undefined where that is not enough: two Service ports claim one name or frontend, other programs' rules lead to
   *           a chain that goes, or one document is not enough
   */
  change(units: UnitChanges): Change | undefined;
}

/** Units that came, went or may differ. */
export type UnitChanges = ReadonlyMap<ServicePortId, IptablesUnit | 'gone'>;

export interface Change {
  /** undefined: the kernel has nothing to change. */
  readonly document: RestoreDocument | undefined;
  /** services   all that came or changed */
  staleFlows(services: readonly ServicePortIR[]): readonly StaleFlows[];
  /** The kernel took it. */
  commit(): void;
}

/** A chain that all share: rules of the node, and after the first of them one run of each Service port, in id order. */
interface Shared {
  readonly chain: Chain;
  /** Rules of the node before the first run. */
  readonly head: number;
  /** The owner of each of the following rules. */
  readonly ids: readonly ServicePortId[];
}

/** One Service port's lines in a shared chain, observed and desired. */
interface Run extends Patch {
  readonly id: ServicePortId;
}

/**
 * desired      what is in force, with what `link` made of the units for the node in it
 * referenced   chains that other programs' rules lead to, by key
 * returns      undefined where units meet at a name or a frontend
 */
export function createIncrement(
  desired: Ruleset,
  units: ReadonlyMap<ServicePortId, IptablesUnit>,
  node: NodeContext,
  own: OwnChains,
  referenced: ReadonlySet<string>,
): Increment | undefined {
  const { kept, leftOut } = separateUnits(units);
  if (leftOut.length > 0) return undefined;
  const { family } = desired;
  const current = new Map(units);
  const chains = new Map(desired.chains);
  const shared = sharedChains(desired, kept, node);
  const reached = reachableChains(sharedNat(link(new Map(), node), own.isServiceChain));
  const isTranslating = ({ table, into }: Entry) => table === 'nat' && reached.has(into);
  const claims = createClaims(isTranslating);
  if (!kept.every((unit) => claims.add(unit))) return undefined;
  const counts = new Map<Table, number>(tables.map((table) => [table, 0]));
  const count = (chain: Chain | undefined, by: 1 | -1) => {
    if (chain !== undefined) counts.set(chain.table, (counts.get(chain.table) ?? 0) + by * chain.lines.length);
  };
  chains.forEach((chain) => count(chain, 1));
  let known = kept.reduce((sum, unit) => sum + unit.known, 0);
  let ruleset: Ruleset = { ...desired, chains };

  function change(wanted: UnitChanges): Change | undefined {
    const gone: IptablesUnit[] = [];
    const come: IptablesUnit[] = [];
    for (const [id, unit] of wanted) {
      const before = current.get(id);
      if (before === unit) continue;
      if (before !== undefined) gone.push(before);
      if (unit !== 'gone') come.push(unit);
    }
    if (!claims.allows(gone, come)) return undefined;
    const own = ownChains(gone, come);
    if (own === undefined || own.created.some(({ key }) => chains.has(key))) return undefined;
    if (own.deleted.some(({ key }) => referenced.has(key))) return undefined;
    const runs = runsOf(gone, come, shared);
    if (runs === undefined || [...runs.values()].some(haveSameLine)) return undefined;

    const natRuns = [...runs].filter(([key]) => shared.get(key)?.chain.table === 'nat');
    const changesNat = own.isChanged || natRuns.length > 0;
    const translated = (of: readonly IptablesUnit[]) => ({
      nat: of.flatMap(({ entries }) => entries.filter(isTranslating).flatMap(({ frontend }) => frontend ?? [])),
      filter: of.flatMap(({ entries }) => entries.filter(({ table }) => table === 'filter').map(({ line }) => line)),
    });
    const halfway = changesNat ? halfwayRuns(family, translated(gone), translated(come)) : undefined;
    const before: ChainText[] = [];
    const after: ChainText[] = [];
    const nat: ChainText[] = own.changed.map(([from, { name, lines }]) =>
      chainText(family, { name, from: from.lines, to: lines }),
    );
    const changed = new Map<string, Shared>();
    for (const [key, list] of runs) {
      const old = shared.get(key) as Shared;
      const { table, name, lines } = old.chain;
      const next = sharedWith(family, old, list);
      changed.set(key, next);
      const to = next.chain.lines;
      if (table === 'nat' || halfway === undefined) {
        push(table === 'nat' ? nat : before, patchText(name, lines, to, list));
        continue;
      }
      const first = list.map((run): Patch => ({ ...run, to: halfway(run.from, run.to) }));
      const between = patched(lines, first);
      push(before, patchText(name, lines, between, first));
      push(after, patchText(name, between, to, secondHalf(first, list)));
    }
    const created = own.created.map(({ name, lines }): ChainText => ({ name, declared: true, lines }));
    const sections = [
      sectionText('filter', { chains: byName(before), hooks: [], deleted: [] }),
      sectionText('nat', {
        chains: [...byName(created), ...byName(nat)],
        hooks: [],
        deleted: own.deleted.map(({ name }) => name as string).sort(compareText),
      }),
      sectionText('filter', { chains: byName(after), hooks: [], deleted: [] }),
    ].filter((section) => !isEmptySection(section));
    if (lineCount(sections) > documentLimit) return undefined;

    return {
      document: sections.length === 0 ? undefined : { family, tables: sections },
      staleFlows: (services) => staleFlowsBetween(udpOf(gone), udpOf(come), services),
      commit() {
        for (const { key } of own.deleted) replace(key, undefined);
        for (const chain of own.created) replace(chain.key, chain);
        for (const [, chain] of own.changed) replace(chain.key, chain);
        for (const [key, next] of changed) {
          shared.set(key, next);
          replace(key, next.chain);
        }
        claims.move(gone, come);
        for (const unit of gone) {
          current.delete(unit.id);
          known -= unit.known;
        }
        for (const unit of come) {
          current.set(unit.id, unit);
          known += unit.known;
        }
        // What is remembered of a ruleset is remembered by its value.
        ruleset = { ...ruleset };
      },
    };
  }

  function replace(key: string, chain: Chain | undefined): void {
    count(chains.get(key), -1);
    count(chain, 1);
    if (chain === undefined) chains.delete(key);
    else chains.set(key, chain);
  }

  function udpOf(of: readonly IptablesUnit[]) {
    const theirs = new Map(of.flatMap((unit) => unit.chains.map((chain) => [chain.key, chain])));
    const lines = of.flatMap(({ entries }) => entries.filter(isTranslating).map(({ line }) => line));
    return udpFrontendsIn({ family, chains: theirs }, lines);
  }

  return { ruleset: () => ruleset, rules: () => new Map(counts), knownEndpoints: () => known, units: current, change };
}

/** The chains that entries go into, as `link` filled them; a chain with other contents is left out. */
function sharedChains(desired: Ruleset, kept: readonly IptablesUnit[], node: NodeContext): Map<string, Shared> {
  const ids = new Map<string, ServicePortId[]>();
  for (const { id, entries } of kept) {
    for (const { table, into } of entries) {
      const key = chainKey(table, into);
      const list = ids.get(key) ?? [];
      ids.set(key, list);
      list.push(id);
    }
  }
  const shared = new Map<string, Shared>();
  for (const { table, name, head, tail } of nodeChains(node)) {
    const key = chainKey(table, name);
    const chain = desired.chains.get(key);
    const theirs = ids.get(key) ?? [];
    const isFilledAlone = chain?.lines.length === head.length + theirs.length + tail.length;
    if (isFilledAlone) shared.set(key, { chain, head: head.length, ids: theirs });
  }
  return shared;
}

/**
 * Which Service port owns each frontend that table nat translates. The compiler gives each frontend to one Service port, so
 * a change needs to look at no other port. A rule that lets a health check in also has one owner; no other kind of rule can
 * be the same line for two ports.
 */
function createClaims(isTranslating: (entry: Entry) => boolean) {
  const owners = new Map<string, ServicePortId>();
  const claimOf = ({ accepts, line, frontend }: Entry) => (accepts ? line : frontend);
  const allClaims = (unit: IptablesUnit) => unit.entries.flatMap((entry) => claimOf(entry) ?? []);
  const claimed = (unit: IptablesUnit) =>
    unit.entries.flatMap((entry) => (entry.accepts || isTranslating(entry) ? (claimOf(entry) ?? []) : []));
  const add = (unit: IptablesUnit): boolean =>
    claimed(unit).every((claim) => {
      const owner = owners.get(claim) ?? unit.id;
      owners.set(claim, owner);
      return owner === unit.id;
    });
  return {
    add,
    /** Whether those that come and go share nothing with those that stay, and those that come nothing with each other. */
    allows(gone: readonly IptablesUnit[], come: readonly IptablesUnit[]): boolean {
      const moving = new Set([...gone, ...come].map(({ id }) => id));
      const next = new Map<string, ServicePortId>();
      const isFree = [...gone, ...come].every((unit) =>
        allClaims(unit).every((claim) => moving.has(owners.get(claim) ?? unit.id)),
      );
      return (
        isFree &&
        come.every((unit) =>
          claimed(unit).every((claim) => {
            const owner = next.get(claim) ?? unit.id;
            next.set(claim, owner);
            return owner === unit.id;
          }),
        )
      );
    },
    move(gone: readonly IptablesUnit[], come: readonly IptablesUnit[]): void {
      for (const claim of gone.flatMap(claimed)) owners.delete(claim);
      for (const unit of come) add(unit);
    },
  };
}

/** The changes to chains that units have of their own; undefined: two units claim one chain. */
function ownChains(gone: readonly IptablesUnit[], come: readonly IptablesUnit[]) {
  const keyed = (units: readonly IptablesUnit[]) =>
    units.flatMap((unit) => unit.chains.map((chain) => [chain.key, chain] as const));
  const [old, young] = [keyed(gone), keyed(come)];
  const [before, after] = [new Map(old), new Map(young)];
  if (after.size < young.length) return undefined;
  const both = young.flatMap(([key, chain]): (readonly [Chain, Chain])[] => {
    const was = before.get(key);
    return was === undefined ? [] : [[was, chain]];
  });
  const changed = both.filter(([from, to]) => !sameLines(from.lines, to.lines));
  const created = young.flatMap(([key, chain]) => (before.has(key) ? [] : [chain]));
  const deleted = old.flatMap(([key, chain]) => (after.has(key) ? [] : [chain]));
  return { created, changed, deleted, isChanged: created.length + changed.length + deleted.length > 0 };
}

/** The changes to rules in shared chains, by chain and in order; undefined: one goes into a chain that others fill too. */
function runsOf(
  gone: readonly IptablesUnit[],
  come: readonly IptablesUnit[],
  shared: ReadonlyMap<string, Shared>,
): ReadonlyMap<string, readonly Run[]> | undefined {
  const before = new Map(gone.map((unit) => [unit.id, unit]));
  const after = new Map(come.map((unit) => [unit.id, unit]));
  const runs = new Map<string, Run[]>();
  for (const id of [...new Set([...before.keys(), ...after.keys()])].sort(compareText)) {
    const [old, young] = [entriesByChain(before.get(id)), entriesByChain(after.get(id))];
    for (const key of new Set([...old.keys(), ...young.keys()])) {
      const [from, to] = [old, young].map((entries) => (entries.get(key) ?? []).map(({ line }) => line)) as [
        string[],
        string[],
      ];
      if (sameLines(from, to)) continue;
      const chain = shared.get(key);
      if (chain === undefined) return undefined;
      const list = runs.get(key) ?? [];
      runs.set(key, list);
      list.push({ id, place: chain.head + placeOf(chain.ids, id), from, to });
    }
  }
  return runs;
}

/** If two lines are equal, the kernel deletes the first, even if the other was meant. */
function haveSameLine(runs: readonly Run[]): boolean {
  const lines = runs.map(({ from, to }) => new Set([...from, ...to]));
  return new Set(lines.flatMap((set) => [...set])).size < lines.reduce((sum, { size }) => sum + size, 0);
}

function entriesByChain(unit: IptablesUnit | undefined): ReadonlyMap<string, readonly Entry[]> {
  return Map.groupBy(unit?.entries ?? [], ({ table, into }) => chainKey(table, into));
}

/** Where the first rule of an id is, or would be. */
function placeOf(ids: readonly ServicePortId[], id: ServicePortId): number {
  let [from, to] = [0, ids.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (compareText(ids[middle] as ServicePortId, id) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}

function sharedWith(family: Family, { chain, head, ids }: Shared, runs: readonly Run[]): Shared {
  const { table, name, lines } = chain;
  const owners = runs.map(({ id, place, from, to }) => ({ place: place - head, from, to: to.map(() => id) }));
  return {
    chain: chainFromLines(family, table, name, patched(lines, runs)),
    head,
    ids: patched(ids, owners),
  };
}

/** Patches from the lines between the two commits to the desired ones, at their places between the commits. */
function secondHalf(first: readonly Patch[], runs: readonly Run[]): Patch[] {
  let moved = 0;
  return first.map(({ place, from, to }, i) => {
    const patch = { place: place + moved, from: to, to: runs[i]?.to ?? [] };
    moved += to.length - from.length;
    return patch;
  });
}

function byName(texts: readonly ChainText[]): readonly ChainText[] {
  return texts.toSorted((a, b) => compareText(a.name, b.name));
}

function push<T>(list: T[], item: T | undefined): void {
  if (item !== undefined) list.push(item);
}
