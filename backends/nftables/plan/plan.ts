import { compareText } from '../../../compiler/values/names.ts';
import type { Chain, Element, NftProgram, NftSet } from '../program/program.ts';
import type { Command, Transaction } from './command.ts';
import { type Difference, diffPrograms } from './diff.ts';

/**
 * The way from one program to another.
 *
 * It is one transaction whatever changed: the kernel puts nat and filter, chains and elements in force together, so that
 * every packet meets the old program or the new one and no order of steps is needed for that. Inside the transaction the order is
 * the kernel's: what is pointed to is there before what points to it, and goes after it.
 *
 *     elements go ─ chains are emptied ─ sets go ─ sets and chains come ─ rules come ─ elements come ─ chains go
 *
 * A kernel before 6.4 or so may call a chain busy that the same transaction has just freed. So chains that go are at the
 * end, where {@link splitRemoval} can cut them off.
 */
export function planTransaction(observed: NftProgram | undefined, desired: NftProgram): Transaction | undefined {
  const { family, table } = desired;
  const difference = observed === undefined ? undefined : diffPrograms(observed, desired);
  const commands = difference === undefined ? wholeTable(observed !== undefined, desired) : changes(difference);
  return commands.length === 0 ? undefined : { family, table, commands };
}

/** The same from a difference that is known already. */
export function planDifference(
  { family, table }: Pick<NftProgram, 'family' | 'table'>,
  difference: Difference,
): Transaction {
  return { family, table, commands: changes(difference) };
}

/** Takes a table away, with everything that is in it. */
export function planDeparture({ family, table }: Pick<NftProgram, 'family' | 'table'>): Transaction {
  return { family, table, commands: [{ kind: 'deleteTable' }] };
}

/** The same transaction without chains that go, and these as one of its own. */
export function splitRemoval(transaction: Transaction): readonly Transaction[] {
  const isRemoval = ({ kind }: Command) => kind === 'deleteChain';
  const rest = transaction.commands.filter((command) => !isRemoval(command));
  const removals = transaction.commands.filter(isRemoval);
  return [rest, removals].filter((commands) => commands.length > 0).map((commands) => ({ ...transaction, commands }));
}

function wholeTable(replaces: boolean, { sets, chains }: NftProgram): Command[] {
  return [
    ...(replaces ? [{ kind: 'deleteTable' } as const] : []),
    { kind: 'createTable' },
    ...creations([...sets.values()], [...chains.values()]),
    ...[...chains.values()].flatMap(rulesOf),
    ...[...sets.values()].flatMap((set) => elementsOf(set, [...set.elements.values()])),
  ];
}

function changes({ sets, elements, chains }: Difference): Command[] {
  return [
    ...elements.flatMap(({ set, deleted }) => removalOf(set, deleted)),
    // The elements of a map that goes point to chains that may go as well.
    ...[...chains.rewritten, ...chains.deleted].map((chain): Command => ({ kind: 'flushChain', chain: chain.name })),
    ...sets.deleted.map((set): Command => ({ kind: 'deleteSet', set })),
    ...creations(sets.created, chains.created),
    ...[...chains.created, ...chains.rewritten].flatMap(rulesOf),
    ...sets.created.flatMap((set) => elementsOf(set, [...set.elements.values()])),
    ...elements.flatMap(({ set, created }) => elementsOf(set, created)),
    ...[...chains.deleted]
      .sort((a, b) => compareText(a.name, b.name))
      .map((chain): Command => ({ kind: 'deleteChain', chain: chain.name })),
  ];
}

function creations(sets: readonly NftSet[], chains: readonly Chain[]): Command[] {
  return [
    ...sets.map((set): Command => ({ kind: 'createSet', set })),
    ...chains.map((chain): Command => ({ kind: 'createChain', chain })),
  ];
}

function rulesOf({ name, lines }: Chain): Command[] {
  return lines.map((line): Command => ({ kind: 'addRule', chain: name, line }));
}

function elementsOf(set: NftSet, elements: readonly Element[]): Command[] {
  return elements.length === 0 ? [] : [{ kind: 'createElements', set, elements }];
}

function removalOf(set: NftSet, elements: readonly Element[]): Command[] {
  return elements.length === 0 ? [] : [{ kind: 'deleteElements', set, elements }];
}
