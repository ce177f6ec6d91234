import { kubePrefix } from '../../../compiler/settings.ts';
import type { Family } from '../../../compiler/values/address.ts';
import type { Run } from '../../command.ts';
import type { Scope } from '../../target.ts';
import { type Name, nameOf, tableName } from '../program/names.ts';
import { parseListing, type ReadTable } from '../program/parse.ts';
import { familyWord } from '../program/print-rule.ts';
import type { Chain, NftProgram } from '../program/program.ts';
import { failure, factsOf, NftError } from './errors.ts';

/** What a family's kernel holds of slicewright's, and of the kube-proxy that it may replace. */
export interface Observation {
  readonly family: Family;
  readonly table: Name;
  /** undefined: no such table. */
  readonly program: NftProgram | undefined;
  /** kube-proxy's own table, if slicewright replaces kube-proxy. */
  readonly kubeProxy: NftProgram | undefined;
  /** Rules of other tables that take packets first; undefined: those tables were not read. */
  readonly ahead?: readonly Chain[];
}

export const kubeProxyTable = nameOf('kube-proxy');

export function nothingFound({ family, prefix }: Pick<Scope, 'family' | 'prefix'>): Observation {
  return { family, table: tableName(prefix), program: undefined, kubeProxy: undefined };
}

/** throws   NftError */
export async function observe(run: Run, scope: Pick<Scope, 'family' | 'prefix'>): Promise<Observation> {
  const { family, prefix } = scope;
  const table = tableName(prefix);
  const [program, kubeProxy] = await Promise.all([
    readTable(run, family, table),
    prefix === kubePrefix ? readTable(run, family, kubeProxyTable) : undefined,
  ]);
  return { family, table, program, kubeProxy };
}

/** The same; undefined where this machine has no nftables for the family. */
export async function observePossible(
  run: Run,
  scope: Pick<Scope, 'family' | 'prefix'>,
): Promise<Observation | undefined> {
  try {
    return await observe(run, scope);
  } catch (error) {
    if (error instanceof NftError && (error.isAbsence || error.reason === 'no-privilege')) return undefined;
    throw error;
  }
}

/** All tables of all families, other programs' too. undefined: not needed, and not available. Throws NftError. */
export async function listRuleset(run: Run, family: Family, isNeeded: boolean): Promise<string | undefined> {
  const args = ['list', 'ruleset'];
  const result = await run('nft', args);
  if (result.exitCode === 0) return result.stdout;
  const error = failure(family, args, result);
  if (!isNeeded && (error.isAbsence || error.reason === 'no-privilege')) return undefined;
  throw error;
}

async function readTable(run: Run, family: Family, table: Name): Promise<NftProgram | undefined> {
  const args = ['list', 'table', familyWord(family), table];
  const result = await run('nft', args);
  if (result.exitCode !== 0) {
    if (factsOf(result).reason === 'missing') return undefined;
    throw failure(family, args, result);
  }
  const read = parseListing(result.stdout)?.get(`${familyWord(family)} ${table}`);
  if (read === undefined) throw new NftError(family, { reason: 'bad-listing' }, `nft ${args.join(' ')} was cut short`);
  return withStrangers(read);
}

/**
 * Parts outside the vocabulary, such as a set of another kind or a broken element, stay beside what was read: a plan sees
 * that the table is not as wanted, and a trace sees that a rule looks into something unreadable.
 */
export function withStrangers({ program, strange }: ReadTable): NftProgram {
  return strange.length === 0 ? program : { ...program, strange };
}

/** One look at a small set that every table has. `unknown`: nft's answer does not show it. */
export async function lookAtTable(run: Run, family: Family, table: Name): Promise<'there' | 'gone' | 'unknown'> {
  const result = await run('nft', ['list', 'set', familyWord(family), table, 'health-check-ports']);
  if (result.exitCode === 0) return 'there';
  return factsOf(result).reason === 'missing' ? 'gone' : 'unknown';
}
