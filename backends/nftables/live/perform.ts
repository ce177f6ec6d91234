import type { Family } from '../../../compiler/values/address.ts';
import type { Run } from '../../command.ts';
import { printTransaction, type Transaction } from '../plan/command.ts';
import { splitRemoval } from '../plan/plan.ts';
import { failure, factsOf } from './errors.ts';

/**
 * Performs transactions as one document: all of them or none.
 *
 * A kernel that calls chains busy that the same transaction has freed gets their removal apart, afterwards.
 *
 * returns  how many documents it took
 * throws   NftError; nothing was changed then, or all but the chains that go
 */
export async function perform(run: Run, family: Family, transactions: readonly Transaction[]): Promise<number> {
  const args = ['-f', '-'];
  const result = await run('nft', args, transactions.map(printTransaction).join(''));
  if (result.exitCode === 0) return 1;
  const parts = transactions.map(splitRemoval);
  const hasRemovals = parts.some((split) => split.length > 1);
  if (factsOf(result).reason !== 'busy' || !hasRemovals) throw failure(family, args, result);
  const first = parts.flatMap(([rest]) => rest ?? []);
  const second = parts.flatMap((split) => split.slice(1));
  for (const part of [first, second]) {
    const again = await run('nft', args, part.map(printTransaction).join(''));
    if (again.exitCode !== 0) throw failure(family, args, again);
  }
  return 2;
}

/** Elements, rules and everything else that transactions write or take away. */
export function lineCount(transactions: readonly Transaction[]): number {
  return transactions
    .flatMap(({ commands }) => commands)
    .reduce((sum, command) => sum + ('elements' in command ? command.elements.length : 1), 0);
}
