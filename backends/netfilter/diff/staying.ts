import type { Found } from '../live/observation.ts';
import { leftToKubelet } from '../ownership.ts';

/** Where another writer's rules go, what of them stays. */
export function stayingNotes({ owner, ruleset, foreign }: Pick<Found, 'owner' | 'ruleset' | 'foreign'>): string[] {
  if (owner !== 'another writer') return [];
  return leftToKubelet(ruleset, foreign).map((key) => `${key} keeps its rules: kubelet uses it too`);
}
