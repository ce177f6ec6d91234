import { exact } from '../../compiler/values/exact.ts';
import type { Element } from './program/program.ts';
import type { SetShare } from './unit.ts';

/** Collects the elements of one Service port, set by set. */
export interface Shares {
  /** Adds elements with different keys; the list is the set's from then on. Where a key is there already, its element stays. */
  add(set: string, elements: Element[]): void;
  finish(): readonly SetShare[];
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
    finish: () =>
      shares.map(({ set, elements, keys }) => ({ set, elements: keys === undefined ? elements : exact(elements) })),
  };
}
