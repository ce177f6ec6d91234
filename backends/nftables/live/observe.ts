import { kubePrefix } from '../../../compiler/settings.ts';
import type { Family } from '../../../compiler/values/address.ts';
import type { CommandResult, Run } from '../../command.ts';
import type { Scope } from '../../target.ts';
import { type Name, nameOf, tableName } from '../program/names.ts';
import { familyOfWord, parseListing, type ReadTable } from '../program/parse.ts';
import { familyWord } from '../program/print-rule.ts';
import type { Chain, NftProgram } from '../program/program.ts';
import { failure, factsOf, NftError, wordInQuestion } from './errors.ts';

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

type Place = Pick<Scope, 'family' | 'prefix'>;

/** What nft answers where a family's tables are listed. undefined: that table is not there, or not asked for. */
export interface Listed {
  readonly own: CommandResult | undefined;
  readonly kubeProxy: CommandResult | undefined;
}

export function listTables(run: Run, place: Place): Promise<Listed> {
  return listWith(place, (table) => run('nft', listing(place, table)));
}

/**
 * known    a program that most likely is in force: what is listed as it is in there is not parsed, and is the same value
 * throws   NftError
 */
export function readListed(place: Place, { own, kubeProxy }: Listed, known?: NftProgram): Observation {
  const table = tableName(place.prefix);
  return {
    family: place.family,
    table,
    program: own && readTable(place, table, own, known),
    kubeProxy: kubeProxy && readTable(place, kubeProxyTable, kubeProxy),
  };
}

/** throws   NftError */
export async function observe(run: Run, place: Place, known?: NftProgram): Promise<Observation> {
  return readListed(place, await listTables(run, place), known);
}

/** The same where most likely no table is there; undefined where this machine has no nftables for the family. */
export function observePossible(run: Run, place: Place): Promise<Observation | undefined> {
  return ifPossible(async () => {
    const listed = await listWith(place, async (table) =>
      (await isNoTable(run, place.family, table)) ? undefined : run('nft', listing(place, table)),
    );
    return readListed(place, listed);
  });
}

/** undefined where this machine has no nftables for the family. */
export async function ifPossible(read: () => Promise<Observation>): Promise<Observation | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof NftError && (error.isAbsence || error.reason === 'no-privilege')) return undefined;
    throw error;
  }
}

async function listWith({ prefix }: Place, list: (table: Name) => Promise<CommandResult | undefined>): Promise<Listed> {
  const [own, kubeProxy] = await Promise.all([
    list(tableName(prefix)),
    prefix === kubePrefix ? list(kubeProxyTable) : undefined,
  ]);
  return { own, kubeProxy };
}

function listing({ family }: Place, table: Name): readonly string[] {
  return ['list', 'table', familyWord(family), table];
}

/**
 * Whether a table is certainly not there, by a look at one of its sets. To list a table, nft first reads all chains and rules of
 * the kernel, also if there is no such table: beside iptables-nft's rules for 10,000 Services that takes seconds.
 */
async function isNoTable(run: Run, family: Family, table: Name): Promise<boolean> {
  const result = await run('nft', ['list', 'set', familyWord(family), table, smallestSet]);
  return result.exitCode !== 0 && factsOf(result).reason === 'missing' && wordInQuestion(result) === table;
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

function readTable(place: Place, table: Name, listed: CommandResult, known?: NftProgram): NftProgram | undefined {
  const { family } = place;
  const args = listing(place, table);
  if (listed.exitCode !== 0) {
    if (factsOf(listed).reason === 'missing') return undefined;
    throw failure(family, args, listed);
  }
  const read = parseListing(listed.stdout, familyOfWord, known)?.get(`${familyWord(family)} ${table}`);
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

const smallestSet = 'health-check-ports';

/** One look at a small set that every table has. `unknown`: nft's answer does not show it. */
export async function lookAtTable(run: Run, family: Family, table: Name): Promise<'there' | 'gone' | 'unknown'> {
  const result = await run('nft', ['list', 'set', familyWord(family), table, smallestSet]);
  if (result.exitCode === 0) return 'there';
  return factsOf(result).reason === 'missing' ? 'gone' : 'unknown';
}
