import type { ChainPrefix } from '../../../compiler/settings.ts';
import type { Run } from '../../command.ts';
import { accountNames, accountsIn, namesAccount } from '../../netfilter/accounts.ts';
import type { RestoreDocument } from '../../netfilter/diff/transaction.ts';
import type { Observation } from '../../netfilter/live/observation.ts';

/*
 * Accounting objects exist as long as rules name them: they are made before the first rule, and go after the last. Both
 * families count in the same two, and the kernel keeps an object that a rule of either names ("Device or resource busy").
 * `nfacct` prints the same text for an object that exists already, so its errors decide nothing here: an object that could
 * not be made shows when the kernel rejects its rule.
 */

/**
 * Makes the objects that documents need. One that a rule in force names is there, so a change of a node that counts starts no
 * command here. With one comes the other, so that the first node port needs nothing.
 */
export async function makeAccounts(
  run: Run,
  { ruleset, own: { prefix } }: Pick<Observation, 'ruleset' | 'own'>,
  documents: readonly RestoreDocument[],
): Promise<void> {
  const names = Object.values(accountNames(prefix));
  // Every line that is written passes here, so the quick test for the word comes first.
  const isCounting = (line: string) => line.includes('nfacct') && names.some((name) => namesAccount(line, name));
  const isNeeded = documents.some(({ tables }) => tables.some(({ lines }) => lines.some(isCounting)));
  if (!isNeeded) return;
  const there = accountsIn(ruleset, prefix);
  for (const name of names) if (!there.has(name)) await run('nfacct', ['add', name]);
}

/** Removes the objects when rules named them before and none does now. */
export async function dropAccounts(
  run: Run,
  before: Pick<Observation, 'ruleset' | 'own'>,
  now: Pick<Observation, 'ruleset'>,
): Promise<void> {
  const { prefix } = before.own;
  const isOver = accountsIn(before.ruleset, prefix).size > 0 && accountsIn(now.ruleset, prefix).size === 0;
  if (isOver) await removeAccounts(run, prefix);
}

/** Removes both, where no rule names them. */
export async function removeAccounts(run: Run, prefix: ChainPrefix): Promise<void> {
  for (const name of Object.values(accountNames(prefix))) await run('nfacct', ['delete', name]);
}
