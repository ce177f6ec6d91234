import { hash } from 'node:crypto';
import { compareText } from '../../../compiler/values/names.ts';
import { kernelChains } from '../kernel-chains.ts';
import { type Ruleset, tables } from '../rule.ts';

/**
 * A name for what a kernel holds of slicewright's: equal exactly when every chain and hook is. Counters,
 * other programs' rules and the order in which chains are listed do not matter.
 *
 * returns   sha-256 in hexadecimal
 */
export function fingerprintOf(ruleset: Ruleset): string {
  const fingerprint = known.get(ruleset) ?? makeFingerprint(ruleset);
  known.set(ruleset, fingerprint);
  return fingerprint;
}

/** Each is a pass over all rules. */
const known = new WeakMap<Ruleset, string>();

function makeFingerprint({ family, chains, hooks }: Ruleset): string {
  const sorted = [...chains].sort(([a], [b]) => compareText(a, b));
  const hookTexts = tables.flatMap((table) =>
    kernelChains.map((kernel) => [
      table,
      ...hooks.filter((hook) => hook.table === table && hook.chain === kernel).map((hook) => hook.line),
    ]),
  );
  // JSON keeps lines apart whatever is in them.
  return hash('sha256', JSON.stringify([family, sorted.map(([key, { lines }]) => [key, lines]), hookTexts]));
}
