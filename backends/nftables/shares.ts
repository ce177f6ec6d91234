import { exact } from '../../compiler/values/exact.ts';
import type { Element } from './program/program.ts';
import type { SetShare } from './unit.ts';

/** Collects the elements of one Service port, set by set. */
export interface Shares {
  /** Adds elements with different keys; the list is the set's from then on. Where a key is there already, its element stays. */
  add(set: string, elements: Element[]): void;
  /** before   what the Service port had: an element that is the same stays the very value */
  finish(before: readonly SetShare[]): readonly SetShare[];
}

interface Share {
  readonly set: string;
  readonly elements: Element[];
  /** Of the elements, once more were added to the first ones: most sets get all of a Service port's elements at once. */
  keys: Set<string> | undefined;
}

/** A Service port has elements in a few sets, which a list finds as quickly as a map does, with less memory. */
export function createShares(): Shares {
  const shares: Share[] = [];
  return {
    add(set, elements) {
      const share = shares.find((one) => one.set === set);
      if (share === undefined) {
        shares.push({ set, elements, keys: undefined });
        return;
      }
      const keys = (share.keys ??= new Set(share.elements.map(({ key }) => key)));
      for (const element of elements) {
        if (keys.has(element.key)) continue;
        keys.add(element.key);
        share.elements.push(element);
      }
    },
    finish: (before) =>
      shares.map(({ set, elements, keys }) =>
        keepEqual({ set, elements: keys === undefined ? elements : exact(elements) }, before),
      ),
  };
}

/**
 * A change leaves most elements of a Service port as they are. The new values of these would be copied by V8 when it collects
 * young objects, and the values that they replace would be collected later.
 */
function keepEqual(share: SetShare, before: readonly SetShare[]): SetShare {
  const known = before.find(({ set }) => set === share.set)?.elements;
  if (known === undefined) return share;
  const { set, elements } = share;
  const isSame = (element: Element, i: number): boolean => known[i]?.text === element.text;
  if (elements.length === known.length && elements.every(isSame)) return { set, elements: known };
  return { set, elements: elements.map((element, i) => (isSame(element, i) ? (known[i] ?? element) : element)) };
}
