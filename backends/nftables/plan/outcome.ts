import type { Chain, Element, NftProgram, NftSet } from '../program/program.ts';
import { parseRule } from '../program/parse-rule.ts';
import type { Command, Transaction } from './command.ts';

/**
 * A table once a transaction has been taken; undefined of `program`: there is none then.
 *
 * returns   undefined: a kernel refuses the transaction, because a command asks for what is not there, or makes what is
 */
export function outcomeOf(
  before: NftProgram | undefined,
  { family, table, commands }: Transaction,
): { readonly program: NftProgram | undefined } | undefined {
  let draft = before && createDraft(before);
  for (const command of commands) {
    if (isOfTable(command)) {
      if ((command.kind === 'createTable') !== (draft === undefined)) return undefined;
      const isMade = command.kind === 'createTable';
      draft = isMade ? createDraft({ family, table, sets: new Map(), chains: new Map() }) : undefined;
    } else if (draft?.perform(command) !== true) {
      return undefined;
    }
  }
  return { program: draft?.program() };
}

type OfTable = Extract<Command, { readonly kind: 'createTable' | 'deleteTable' }>;
type InTable = Exclude<Command, OfTable>;

function isOfTable(command: Command): command is OfTable {
  return command.kind === 'createTable' || command.kind === 'deleteTable';
}

function createDraft(before: NftProgram) {
  const sets = new Map(before.sets);
  const chains = new Map(before.chains);
  /** Rules and elements of those that were touched. */
  const lines = new Map<string, string[]>();
  const elements = new Map<string, Map<string, Element>>();

  const linesOf = (name: string, found: Chain): string[] => {
    const known = lines.get(name) ?? [...found.lines];
    lines.set(name, known);
    return known;
  };
  const elementsOf = ({ name, key, data }: NftSet): Map<string, Element> | undefined => {
    const found = sets.get(name);
    if (found === undefined || found.key.join() !== key.join() || found.data !== data) return undefined;
    const known = elements.get(name) ?? new Map(found.elements);
    elements.set(name, known);
    return known;
  };
  const chainAt = (name: string): string[] | undefined => {
    const found = chains.get(name);
    return found && linesOf(name, found);
  };

  return {
    perform(command: InTable): boolean {
      switch (command.kind) {
        case 'createSet':
          if (sets.has(command.set.name)) return false;
          sets.set(command.set.name, { ...command.set, elements: new Map() });
          return true;
        case 'deleteSet':
          elements.delete(command.set.name);
          return sets.delete(command.set.name);
        case 'createChain':
          if (chains.has(command.chain.name)) return false;
          chains.set(command.chain.name, { ...command.chain, lines: [], rules: [] });
          return true;
        case 'deleteChain':
          lines.delete(command.chain);
          return chains.delete(command.chain);
        case 'flushChain':
          lines.set(command.chain, []);
          return chains.has(command.chain);
        case 'addRule':
          return chainAt(command.chain)?.push(command.line) !== undefined;
        case 'createElements': {
          const there = elementsOf(command.set);
          return command.elements.every((one) => there?.has(one.key) === false && there.set(one.key, one).size > 0);
        }
        case 'deleteElements': {
          const there = elementsOf(command.set);
          return command.elements.every(({ key }) => there?.delete(key) === true);
        }
      }
    },
    program(): NftProgram {
      lines.forEach((texts, name) => {
        const chain = chains.get(name);
        const rules = texts.map((line) => parseRule(before.family, line));
        if (chain !== undefined) chains.set(name, { ...chain, lines: texts, rules });
      });
      elements.forEach((those, name) => {
        const set = sets.get(name);
        if (set !== undefined) sets.set(name, { ...set, elements: those });
      });
      return { ...before, sets, chains };
    },
  };
}
