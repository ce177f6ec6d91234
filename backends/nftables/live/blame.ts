import { servicePortIn as serviceOfId } from '../../../compiler/values/names.ts';
import type { ServicePortId } from '../../../compiler/values/names.ts';
import { type Command, printTransaction, type Transaction } from '../plan/command.ts';
import type { NftablesUnit } from '../unit.ts';
import { servicePortIn } from './parts.ts';

/** What in a document was refused. */
export interface Blame {
  /** The line that nft names, if it names one. */
  readonly rule: string | undefined;
  /** Service ports that may be at fault: one if the line shows it, else all of the document. Empty: a line of no Service. */
  readonly suspects: readonly string[];
}

/** line   of the document that the transactions make together, from 1 */
export function findBlame(
  transactions: readonly Transaction[],
  line: number | undefined,
  units: ReadonlyMap<ServicePortId, NftablesUnit>,
): Blame {
  const owners = ownersOf(units);
  const lines = transactions.flatMap((transaction) =>
    transaction.commands.flatMap((command) => linesOf(transaction, command, owners)),
  );
  const named = line === undefined ? undefined : lines[line - 1];
  if (named !== undefined) return { rule: named.text, suspects: named.service === undefined ? [] : [named.service] };
  return { rule: undefined, suspects: [...new Set(lines.flatMap(({ service }) => service ?? []))].sort() };
}

interface OwnedLine {
  readonly text: string;
  readonly service: string | undefined;
}

function linesOf(transaction: Transaction, command: Command, owners: ReadonlyMap<string, string>): OwnedLine[] {
  const texts = printTransaction({ ...transaction, commands: [command] })
    .trimEnd()
    .split('\n');
  if (!('elements' in command)) return texts.map((text) => ({ text, service: serviceOf(command) }));
  return texts.map((text, i) => {
    const element = command.elements[i - 1];
    return { text, service: element && (element.comment ?? owners.get(`${command.set.name} ${element.key}`)) };
  });
}

function serviceOf(command: Command): string | undefined {
  switch (command.kind) {
    case 'createChain':
      return servicePortIn(command.chain.name);
    case 'flushChain':
    case 'deleteChain':
    case 'addRule':
      return servicePortIn(command.chain);
    case 'createSet':
    case 'deleteSet':
      return servicePortIn(command.set.name);
    default:
      return undefined;
  }
}

function ownersOf(units: ReadonlyMap<ServicePortId, NftablesUnit>): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const { id, shares } of units.values()) {
    for (const { set, elements } of shares) {
      for (const { key } of elements) owners.set(`${set} ${key}`, serviceOfId(id));
    }
  }
  return owners;
}
