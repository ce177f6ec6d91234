import type { Danger } from '../../backends/planning/dangers.ts';
import type { Served } from '../../backends/planning/served.ts';
import { counted } from '../../compiler/values/counted.ts';
import { compareText } from '../../compiler/values/names.ts';

/** What a plan takes away, of all families together. */
export interface Removal {
  /** Services that are served now. */
  readonly served: number;
  /** Those of them that have no frontend any more: names, and cluster IPs of those that cannot be named. */
  readonly removed: readonly string[];
}

/** Part of the Services that may go at once, in percent; more is hardly meant. */
export const defaultThreshold = 50;

/** Its danger, for people and programs. */
export const massRemovalCode = 'mass-removal';

/**
 * A Service counts once, and is removed when no family serves it any more. Those that cannot be named are taken to be the
 * same in all families, as those of a cluster with two families mostly are: so many as the family has that has most.
 */
export function removalOf(families: readonly Served[]): Removal {
  const before = new Set(families.flatMap((one) => [...one.before.named]));
  const after = new Set(families.flatMap((one) => [...one.after.named]));
  const named = [...before].filter((service) => !after.has(service));
  const nameless = families.map((one) => [...one.before.nameless]);
  const most = nameless.reduce((a, b) => (b.length > a.length ? b : a), []);
  return { served: before.size + most.length, removed: [...named.sort(compareText), ...most.sort(compareText)] };
}

/**
 * Whether more goes than may go at once. Small numbers are no exception: who gives one Service's manifests where all are
 * wanted removes two of three.
 *
 * threshold   percent; 100: all may go, 0: none
 */
export function isMassRemoval({ served, removed }: Removal, threshold: number): boolean {
  return removed.length * 100 > threshold * served;
}

/** Names that are told of those that go. */
const maxNames = 5;

/** `2 of the 3 Services that are served now go (67 %, more than 50 %): kube-system/kube-dns, shop/cart`. */
export function removalText({ served, removed }: Removal, threshold: number): string {
  const percent = Math.round((removed.length * 100) / served);
  const more = removed.length > maxNames ? ` and ${removed.length - maxNames} more` : '';
  const [of, verb] =
    served === 1
      ? ['the one Service that is', 'goes']
      : [`${removed.length} of the ${counted(served, 'Service')} that are`, removed.length === 1 ? 'goes' : 'go'];
  return `${of} served now ${verb} (${percent} %, more than ${threshold} %): ${removed.slice(0, maxNames).join(', ')}${more}`;
}

/** Of all families together; empty where no more goes than may. */
export function removalDangers(removal: Removal, threshold: number): Danger[] {
  return isMassRemoval(removal, threshold) ? [{ code: massRemovalCode, message: removalText(removal, threshold) }] : [];
}
