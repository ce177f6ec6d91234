import { compareText } from '../../../compiler/values/names.ts';
import type { TableDangerCode } from '../danger-codes.ts';
import type { Danger } from '../../planning/dangers.ts';
import type { Observation } from '../live/observation.ts';
import type { Foreign } from '../text/parse.ts';
import type { Ruleset } from '../rule.ts';

/**
 * Dangers of the tables themselves, whatever a plan does there.
 *
 * takeOver   chains of another writer are replaced; else they stand in the way
 */
export function tableDangers({ owner, tools, rival }: Observation, takeOver: boolean): Danger<TableDangerCode>[] {
  const dangers: Danger<TableDangerCode>[] = [];
  if (owner === 'another writer') {
    const who = 'another program, probably kube-proxy, made the existing chains';
    const what = takeOver
      ? 'slicewright takes them over; stop that program first, or it writes its own again'
      : 'apply needs --take-over';
    dangers.push({ code: 'another-writer', message: `${who}: ${what}` });
  }
  if (rival !== undefined) {
    const message = `${rival.tools.mode} tables hold rules of Services as well as ${tools.mode} tables, and both process packets`;
    dangers.push({ code: 'two-modes', message });
  }
  return dangers;
}

/** Dangers of the hooks, before and after a plan, and of the rules in front of them. */
export function hookDangers(observed: Ruleset, desired: Ruleset, foreign: Foreign): Danger<TableDangerCode>[] {
  return [...missingHooks(observed, desired), ...foreignInFront(foreign)];
}

/** With chains but without a jump to them, packets bypass slicewright's rules: a program has flushed the kernel's chain. */
function missingHooks(observed: Ruleset, desired: Ruleset): Danger<TableDangerCode>[] {
  if (observed.chains.size === 0) return [];
  const found = new Set(observed.hooks.map(({ table, line }) => `${table} ${line}`));
  const missing = desired.hooks.filter(({ table, line }) => !found.has(`${table} ${line}`));
  const [first] = missing;
  if (first === undefined) return [];
  const chains = [...new Set(missing.map(({ table, chain }) => `${table} ${chain}`))].join(', ');
  const what =
    missing.length === 1
      ? `the jump rule in ${chains} is missing, so packets bypass slicewright's rules: ${first.line}`
      : `${missing.length} jump rules are missing, so packets bypass slicewright's rules: in ${chains}`;
  return [{ code: 'hook-missing', message: what }];
}

function* foreignInFront({ inFront }: Foreign): Generator<Danger<TableDangerCode>> {
  const byChain = Map.groupBy(inFront, ({ table, chain }) => `${table} ${chain}`);
  for (const [key, found] of [...byChain].sort(([a], [b]) => compareText(a, b))) {
    const lines = found.map(({ line }) => line);
    const rules = lines.length === 1 ? "another program's rule comes" : `${lines.length} rules of other programs come`;
    yield {
      code: 'foreign-in-front',
      message: `${rules} before slicewright's hooks in ${key} and may decide first: ${lines[0]}`,
    };
  }
}
