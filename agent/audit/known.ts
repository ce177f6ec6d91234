import type { KnownDifference } from '../../backends/equivalence/known-difference.ts';
import { backendNames, byName } from '../../backends/index.ts';
import { compareText } from '../../compiler/values/names.ts';
import { olderDifferences } from './older.ts';

/** Every code that an audit can print, in any mode, by its name. */
export async function knownDifferences(): Promise<readonly KnownDifference[]> {
  const all = new Map(olderDifferences.map((one) => [one.code, one]));
  for (const name of backendNames()) {
    const { knowledge } = await (await byName(name)).witness();
    for (const one of knowledge.known) all.set(one.code, one);
  }
  return [...all.values()].sort((a, b) => compareText(a.code, b.code));
}
