import type { Family } from '../../../compiler/values/address.ts';
import { isPlainText } from '../../../compiler/values/plain-text.ts';
import { unreachable } from '../../../compiler/values/unreachable.ts';
import type { Name } from '../program/names.ts';
import { declarationLines, setWord } from '../program/print.ts';
import { familyWord } from '../program/print-rule.ts';
import type { Chain, Element, NftSet } from '../program/program.ts';

/**
 * One command of a transaction. What should not be there is created and what should be there is deleted, never added or
 * destroyed: then the kernel rejects a transaction whose reading is out of date, as a whole.
 */
export type Command =
  | { readonly kind: 'createTable' | 'deleteTable' }
  | { readonly kind: 'createSet'; readonly set: NftSet }
  | { readonly kind: 'deleteSet'; readonly set: NftSet }
  /** Without its rules. */
  | { readonly kind: 'createChain'; readonly chain: Chain }
  | { readonly kind: 'flushChain' | 'deleteChain'; readonly chain: Name }
  | { readonly kind: 'addRule'; readonly chain: Name; readonly line: string }
  | { readonly kind: 'createElements' | 'deleteElements'; readonly set: NftSet; readonly elements: readonly Element[] };

/** Commands in this order; the kernel takes all of them or none. */
export interface Transaction {
  readonly family: Family;
  readonly table: Name;
  readonly commands: readonly Command[];
}

/**
 * A transaction as a document for `nft -f`. Every element and rule has a line of its own. So a complaint of nft, which
 * names a line, shows which element or rule it is about.
 *
 * throws   when a rule or an element is more than one line: its second line would be a command of its own
 */
export function printTransaction({ family, table, commands }: Transaction): string {
  const where = `${familyWord(family)} ${table}`;
  return commands.map((command) => `${commandText(family, where, command)}\n`).join('');
}

function commandText(family: Family, where: string, command: Command): string {
  switch (command.kind) {
    case 'createTable':
      return `create table ${where}`;
    case 'deleteTable':
      return `delete table ${where}`;
    case 'createSet': {
      const { set } = command;
      return `create ${setWord(set)} ${where} ${set.name} { ${declarationLines(family, set).join('; ')}; }`;
    }
    case 'deleteSet':
      return `delete ${setWord(command.set)} ${where} ${command.set.name}`;
    case 'createChain': {
      const { name, hook } = command.chain;
      if (hook === undefined) return `create chain ${where} ${name}`;
      return `create chain ${where} ${name} { type ${hook.type} hook ${hook.at} priority ${hook.priority}; policy accept; }`;
    }
    case 'flushChain':
      return `flush chain ${where} ${command.chain}`;
    case 'deleteChain':
      return `delete chain ${where} ${command.chain}`;
    case 'addRule':
      return `add rule ${where} ${command.chain} ${oneLine(command.line)}`;
    case 'createElements':
      return `create element ${where} ${command.set.name} {\n${command.elements.map(({ text }) => oneLine(text)).join(',\n')}\n}`;
    case 'deleteElements':
      return `delete element ${where} ${command.set.name} {\n${command.elements.map(({ key }) => oneLine(key)).join(',\n')}\n}`;
    default:
      return unreachable(command);
  }
}

function oneLine(text: string): string {
  if (!isPlainText(text)) throw new Error(`a transaction must not say ${JSON.stringify(text)}`);
  return text;
}
