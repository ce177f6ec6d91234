import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import type { ServicePortId } from '../../../compiler/values/names.ts';
import { endpointMap, type SpreadChain } from '../names.ts';
import { spreadRules } from '../node-chains.ts';
import type { Name } from '../program/names.ts';
import { type Chain, type Element, makeChain, type NftProgram, type NftSet } from '../program/program.ts';
import type { NftablesUnit } from '../unit.ts';
import { type Difference, isSameLines } from './diff.ts';
import { countElements, countShared, type ElementChange, noteShared, type SharedCounts } from './element-counts.ts';
import { exchange, type Exchanges } from './exchange.ts';

/**
 * A program that remembers which units need each of its parts, so that a change costs what changed: linking and comparing
 * programs of 10,000 Services takes ten times as long as the kernel takes for one endpoint.
 *
 * It is the program that `link` makes of the same units (a property test holds it to that), and changes in place.
 */
export interface Increment {
  readonly program: NftProgram;
  /** What the program is of. */
  readonly units: Units;
  /** Rules of all chains. */
  ruleCount(): number;
  /**
   * What other units change. Nothing has changed yet, and nothing is looked at but these units and what they have had.
   *
   * returns  undefined where counting is not enough: two units claim one key, or one changes what a set is
   */
  change(units: UnitChanges): Change | undefined;
}

/** Units that came, went or may differ. */
export type UnitChanges = ReadonlyMap<ServicePortId, NftablesUnit | 'gone'>;

export interface Change {
  readonly difference: Difference;
  readonly isEmpty: boolean;
  /** Units that go, and those that come; one that changes is both. */
  readonly gone: readonly NftablesUnit[];
  readonly come: readonly NftablesUnit[];
  /** The kernel took it. */
  commit(): void;
}

type Units = ReadonlyMap<ServicePortId, NftablesUnit>;

interface Counted<Value> {
  readonly value: Value;
  readonly count: number;
}

/** Units that differ from a program's units. It compares all of them, for callers that do not know which ones changed. */
export function compareUnits(before: Units, after: Units): UnitChanges {
  const changes = new Map<ServicePortId, NftablesUnit | 'gone'>();
  for (const id of before.keys()) if (!after.has(id)) changes.set(id, 'gone');
  for (const [id, unit] of after) if (before.get(id) !== unit) changes.set(id, unit);
  return changes;
}

/**
 * program   what `link` made of the units for the node. The increment takes over its sets, and changes them
 *
 * returns   undefined where units meet at a key
 */
export function createIncrement(program: NftProgram, units: Units, node: NodeContext): Increment | undefined {
  const current = new Map(units);
  const counted = countShared(program, units);
  if (counted === undefined) return undefined;
  const shared: SharedCounts = counted;
  const spreads = new Map<Name, Counted<SpreadChain>>();
  const sets = new Map<string, NftSet>(program.sets);
  const chains = new Map<string, Chain>(program.chains);
  let rules = sumOfRules(chains.values());

  for (const unit of units.values()) {
    for (const { name, spread } of unit.spreads) {
      spreads.set(name, { value: spread, count: (spreads.get(name)?.count ?? 0) + 1 });
    }
  }

  function change(wanted: UnitChanges): Change | undefined {
    const gone: NftablesUnit[] = [];
    const come: NftablesUnit[] = [];
    const exchanges: Exchanges = new Map();
    for (const [id, unit] of wanted) {
      const before = current.get(id);
      if (before === unit) continue;
      if (before !== undefined) gone.push(before);
      if (unit !== 'gone') come.push(unit);
      exchange(exchanges, before, unit === 'gone' ? undefined : unit);
    }
    const bySet = new Map<string, ElementChange>();
    for (const [set, exchanged] of exchanges) {
      const there = sets.get(set)?.elements;
      const changed = countElements(there ?? new Map(), shared.get(set) ?? new Map(), exchanged);
      if (changed === undefined) return undefined;
      bySet.set(set, changed);
    }

    const nowSpreads = countSpreads(spreads, gone, come);

    const spreadChanges = [...nowSpreads].filter(
      ([name, { count }]) => count > 0 !== (spreads.get(name)?.count ?? 0) > 0,
    );
    const cameSpreads = spreadChanges.filter(([, { count }]) => count > 0);
    const wentSpreads = spreadChanges.filter(([, { count }]) => count === 0);
    const used = new Set<string>();
    for (const [name, { value, count }] of new Map([...spreads, ...nowSpreads])) {
      if (count > 0 && name !== '') used.add(endpointMap(value, node).name);
    }
    const ownSets = ownParts(gone, come, (unit) => unit.sets);
    const ownChains = ownParts(gone, come, (unit) => unit.chains);
    // The clients that a set remembers go with it, and rules that look into it must be written again.
    if (ownSets.both.some(([a, b]) => a.dynamic?.timeoutSeconds !== b.dynamic?.timeoutSeconds)) return undefined;

    const newMaps = cameSpreads.map(([, { value }]) => endpointMap(value, node)).filter(({ name }) => !sets.has(name));
    const createdSets = new Map([...ownSets.created, ...newMaps].map((set) => [set.name as string, set]));
    const deletedSets = [
      ...ownSets.deleted,
      ...wentSpreads.map(([, { value }]) => endpointMap(value, node)).filter(({ name }) => !used.has(name)),
    ];
    const leaving = new Set<string>(deletedSets.map(({ name }) => name));
    const filled = [...createdSets.values()].map((set) => ({
      ...set,
      elements: new Map((bySet.get(set.name)?.created ?? []).map((element) => [element.key, element])),
    }));
    const difference: Difference = {
      sets: { created: filled, deleted: [...new Map(deletedSets.map((set) => [set.name, set])).values()] },
      elements: [...bySet].flatMap(([name, change]) => {
        const set = sets.get(name);
        const isEmpty = change.created.length + change.deleted.length === 0;
        return set === undefined || isEmpty || createdSets.has(name) || leaving.has(name) ? [] : [{ set, ...change }];
      }),
      chains: {
        created: [
          ...ownChains.created,
          ...cameSpreads.map(([name, { value }]) => makeChain(node.family, name, spreadRules(value, node))),
        ],
        rewritten: ownChains.both.filter(([a, b]) => !isSameLines(a.lines, b.lines)).map(([, b]) => b),
        deleted: [...ownChains.deleted, ...wentSpreads.flatMap(([name]) => chains.get(name) ?? [])],
      },
    };
    return {
      difference,
      isEmpty: isEmpty(difference),
      gone,
      come,
      commit() {
        for (const [set, { counts }] of bySet) noteShared(shared, set, counts);
        for (const [name, one] of nowSpreads) {
          if (one.count > 0) spreads.set(name, one);
          else spreads.delete(name);
        }
        for (const { name } of difference.sets.deleted) sets.delete(name);
        for (const set of filled) sets.set(set.name, set);
        for (const { set, created, deleted } of difference.elements) {
          const there = set.elements as Map<string, Element>;
          for (const { key } of deleted) there.delete(key);
          for (const element of created) there.set(element.key, element);
        }
        const { created, rewritten, deleted } = difference.chains;
        const replaced = rewritten.flatMap(({ name }) => chains.get(name) ?? []);
        rules += sumOfRules([...created, ...rewritten]) - sumOfRules([...replaced, ...deleted]);
        for (const { name } of deleted) chains.delete(name);
        for (const chain of [...created, ...rewritten]) chains.set(chain.name, chain);
        for (const { id } of gone) if (wanted.get(id) === 'gone') current.delete(id);
        for (const unit of come) current.set(unit.id, unit);
      },
    };
  }

  return { program: { ...program, sets, chains }, units: current, ruleCount: () => rules, change };
}

type CountedSpreads = ReadonlyMap<Name, Counted<SpreadChain>>;

/** The chains that units lose and get, with the number of units that lead to them afterwards. */
function countSpreads(
  spreads: CountedSpreads,
  gone: readonly NftablesUnit[],
  come: readonly NftablesUnit[],
): CountedSpreads {
  const now = new Map<Name, { readonly value: SpreadChain; count: number }>();
  const count = (units: readonly NftablesUnit[], by: number) => {
    for (const { name, spread } of units.flatMap((unit) => unit.spreads)) {
      const one = now.get(name) ?? { value: spread, count: spreads.get(name)?.count ?? 0 };
      one.count += by;
      now.set(name, one);
    }
  };
  count(gone, -1);
  count(come, 1);
  return now;
}

export function sumOfRules(chains: Iterable<Chain>): number {
  let sum = 0;
  for (const { lines } of chains) sum += lines.length;
  return sum;
}

/** What units have of their own, by name: names hold the Service port's, so no two units share one. */
function ownParts<Part extends { readonly name: Name }>(
  gone: readonly NftablesUnit[],
  come: readonly NftablesUnit[],
  partsOf: (unit: NftablesUnit) => readonly Part[],
) {
  const before = new Map(gone.flatMap(partsOf).map((part) => [part.name, part]));
  const after = new Map(come.flatMap(partsOf).map((part) => [part.name, part]));
  return {
    created: [...after.values()].filter(({ name }) => !before.has(name)),
    deleted: [...before.values()].filter(({ name }) => !after.has(name)),
    both: [...after.values()].flatMap((part): (readonly [Part, Part])[] => {
      const was = before.get(part.name);
      return was === undefined ? [] : [[was, part]];
    }),
  };
}

function isEmpty({ sets, elements, chains }: Difference): boolean {
  const lists = [sets.created, sets.deleted, elements, chains.created, chains.rewritten, chains.deleted];
  return lists.every((list) => list.length === 0);
}
