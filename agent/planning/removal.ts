import type { Danger } from '../../backends/planning/dangers.ts';
import type { Served } from '../../backends/planning/served.ts';
import { counted } from '../../compiler/values/counted.ts';
import { compareText } from '../../compiler/values/names.ts';

/** What a plan removes, counted over all families. */
export interface Removal {
  /** Services that are served now. */
  readonly served: number;
  /** The Services of them that lose their last frontend: names, or cluster IPs of Services whose name is unknown. */
  readonly removed: readonly string[];
}

/** The percentage of Services that may be removed at once; a larger removal is probably a mistake. */
export const defaultThreshold = 50;

/** The danger's code, for people and programs. */
export const massRemovalCode = 'mass-removal';

/**
 * A Service counts once, and is removed when no family serves it any more. Services without a known name are taken to be the
 * same in all families, as in most dual-stack clusters: their number is that of the family with the most of them.
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
 * Whether more is removed than may be at once. Small numbers are no exception: giving one Service's manifests instead of all
 * three removes two of three.
 *
 * threshold   percent; 100: all may go, 0: none
 */
export function isMassRemoval({ served, removed }: Removal, threshold: number): boolean {
  return removed.length * 100 > threshold * served;
}

/** How many of the removed Services are named. */
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

/** The danger of all families together; empty if no more is removed than may be. */
export function removalDangers(removal: Removal, threshold: number): Danger[] {
  return isMassRemoval(removal, threshold) ? [{ code: massRemovalCode, message: removalText(removal, threshold) }] : [];
}
