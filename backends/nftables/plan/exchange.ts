import type { Element } from '../program/program.ts';
import type { NftablesUnit, SetShare } from '../unit.ts';

/** What units lose and get of one set in a change. */
export interface Exchange {
  /** Elements of units before the change that these do not have after it as they were. */
  readonly lost: Element[];
  /** Those after it whose unit lost an element of the same key. */
  readonly replacing: Element[];
  /** All others that units did not have before. */
  readonly gained: Element[];
}

/** By set. */
export type Exchanges = Map<string, Exchange>;

/**
 * Adds what one unit loses and gets. Its old and its new elements of a set are lists in one order, mostly equal at the front and at
 * the end, and elements at one place mostly have the same key. So texts are compared place by place: finding an element in
 * a map of all Services takes far longer.
 */
export function exchange(exchanges: Exchanges, was: Shares | undefined, is: Shares | undefined): void {
  for (const { set, elements } of was?.shares ?? noShares)
    compare(exchanges, set, elements, shareOf(is, set)?.elements ?? []);
  for (const { set, elements } of is?.shares ?? noShares) {
    if (shareOf(was, set) === undefined) compare(exchanges, set, [], elements);
  }
}

type Shares = Pick<NftablesUnit, 'shares'>;

const noShares: readonly SetShare[] = [];

function shareOf(unit: Shares | undefined, set: string): SetShare | undefined {
  for (const share of unit?.shares ?? noShares) if (share.set === set) return share;
  return undefined;
}

function compare(exchanges: Exchanges, set: string, before: readonly Element[], after: readonly Element[]): void {
  // A set in which nothing changed keeps its very list (shares.ts).
  if (before === after) return;
  const shorter = Math.min(before.length, after.length);
  let front = 0;
  while (front < shorter && before[front]?.text === after[front]?.text) front++;
  let end = 0;
  while (end < shorter - front && before.at(-1 - end)?.text === after.at(-1 - end)?.text) end++;
  if (front + end === before.length && before.length === after.length) return;
  const { lost, replacing, gained } = exchangeOf(exchanges, set);
  for (let i = front; i < Math.max(before.length, after.length) - end; i++) {
    const was = i < before.length - end ? before[i] : undefined;
    const is = i < after.length - end ? after[i] : undefined;
    if (was?.text === is?.text) continue;
    if (was !== undefined) lost.push(was);
    if (is !== undefined) (was?.key === is.key ? replacing : gained).push(is);
  }
}

function exchangeOf(exchanges: Exchanges, set: string): Exchange {
  const known = exchanges.get(set);
  if (known !== undefined) return known;
  const made: Exchange = { lost: [], replacing: [], gained: [] };
  exchanges.set(set, made);
  return made;
}
