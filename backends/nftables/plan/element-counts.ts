import type { Element, NftProgram } from '../program/program.ts';
import type { NftablesUnit } from '../unit.ts';
import type { Exchange } from './exchange.ts';

/** How many units have an element, for those that more than one has: by set and key. Few, so the other elements cost nothing. */
export type SharedCounts = Map<string, Map<string, number>>;

/**
 * program  what `link` made of the units
 * returns  undefined: two units have different elements with one key
 */
export function countShared(
  program: Pick<NftProgram, 'sets'>,
  units: ReadonlyMap<unknown, Pick<NftablesUnit, 'shares'>>,
): SharedCounts | undefined {
  const sizes = new Map<string, number>();
  for (const { shares } of units.values()) {
    for (const { set, elements } of shares) sizes.set(set, (sizes.get(set) ?? 0) + elements.length);
  }
  const shared: SharedCounts = new Map();
  // A set with as many elements as units have in it has none that two units have.
  const meeting = new Set(
    [...sizes].flatMap(([set, size]) => (program.sets.get(set)?.elements.size === size ? [] : set)),
  );
  if (meeting.size === 0) return shared;
  for (const { shares } of units.values()) {
    for (const { set, elements } of shares) {
      if (!meeting.has(set)) continue;
      const linked = program.sets.get(set)?.elements;
      const counts = shared.get(set) ?? new Map<string, number>();
      shared.set(set, counts);
      for (const element of elements) {
        const there = linked?.get(element.key);
        // If several units have it, `link` took the first one's.
        if (there === element) continue;
        if (there?.text !== element.text) return undefined;
        counts.set(element.key, (counts.get(element.key) ?? 1) + 1);
      }
    }
  }
  return shared;
}

/** What becomes of the elements of one set. A changed element is deleted and created. */
export interface ElementChange {
  readonly created: readonly Element[];
  readonly deleted: readonly Element[];
  /** How many units have an element afterwards, where more than one had it or could have it. */
  readonly counts: ReadonlyMap<string, number>;
}

/** An element that several units have, lose or get, with the number of units that have it. */
interface Met {
  readonly before: Element | undefined;
  after: Element | undefined;
  count: number;
}

/**
 * What an exchange does to a set: what is lost goes and what is gained comes, but for elements at which units meet.
 *
 * there    the set's elements
 * shared   how many units have those that more than one has
 * returns  undefined: two units want different elements with one key
 */
export function countElements(
  there: ReadonlyMap<string, Element>,
  shared: ReadonlyMap<string, number>,
  { lost, replacing, gained }: Exchange,
): ElementChange | undefined {
  const meeting = keysMet(there, gained);
  const isMet = ({ key }: Element): boolean => meeting.has(key) || shared.has(key);
  if (meeting.size === 0 && shared.size === 0)
    return { deleted: lost, created: [...replacing, ...gained], counts: new Map() };

  const met = new Map<string, Met>();
  const meet = ({ key }: Element): Met => {
    const before = there.get(key);
    const one = met.get(key) ?? { before, after: before, count: before === undefined ? 0 : (shared.get(key) ?? 1) };
    met.set(key, one);
    return one;
  };
  for (const element of lost.filter(isMet)) {
    const one = meet(element);
    one.count--;
    if (one.count === 0) one.after = undefined;
  }
  for (const element of [...replacing, ...gained].filter(isMet)) {
    const one = meet(element);
    one.after ??= element;
    if (one.after.text !== element.text) return undefined;
    one.count++;
  }
  const changed = [...met.values()].filter(({ before, after }) => before?.text !== after?.text);
  const isAlone = (element: Element): boolean => !isMet(element);
  return {
    deleted: [...lost.filter(isAlone), ...changed.flatMap(({ before }) => before ?? [])],
    created: [...replacing.filter(isAlone), ...gained.filter(isAlone), ...changed.flatMap(({ after }) => after ?? [])],
    counts: new Map([...met].map(([key, { count }]) => [key, count])),
  };
}

/** Keys that a unit gains although they are there, or that two units gain. */
function keysMet(there: ReadonlyMap<string, Element>, gained: readonly Element[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const met = new Set<string>();
  for (const { key } of gained) {
    if (there.has(key) || seen.has(key)) met.add(key);
    else seen.add(key);
  }
  return met;
}

/** Remembers counts after a change. */
export function noteShared(shared: SharedCounts, set: string, counts: ReadonlyMap<string, number>): void {
  if (counts.size === 0) return;
  const known = shared.get(set) ?? new Map<string, number>();
  shared.set(set, known);
  for (const [key, count] of counts) {
    if (count > 1) known.set(key, count);
    else known.delete(key);
  }
}
