import type { Found } from '../live/observation.ts';
import { leftToKubelet } from '../ownership.ts';

/** Which of another writer's rules stay when its other rules go. */
export function stayingNotes({ owner, ruleset, foreign }: Pick<Found, 'owner' | 'ruleset' | 'foreign'>): string[] {
  if (owner !== 'another writer') return [];
  return leftToKubelet(ruleset, foreign).map((key) => `${key} keeps its rules: kubelet uses it too`);
}
