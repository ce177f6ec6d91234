import type { Command, Option } from 'commander';
import { defaultOf, flagsOf, usableOptions, visibleCommands } from '../terminal/command-tree.ts';

/** Words that may stand at one place of a command line. */
export interface Offer {
  readonly words: readonly { readonly word: string; readonly about: string }[];
  /** Whether a path may stand there too. */
  readonly files: boolean;
}

/**
 * The words that may replace the last word.
 *
 * words   the words after the program's name, the last one as far as it is typed: `['plan', '--ba']`
 */
export function offerFor(program: Command, words: readonly string[]): Offer {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? '';
  const { command, option } = commandAt(program, before);
  if (option !== undefined) return valuesOf(option, '', current);
  const [flag = '', typed] = current.split('=', 2);
  const named = typed === undefined ? undefined : optionOf(command, flag);
  if (named !== undefined) return valuesOf(named, `${flag}=`, current);
  const isFlag = current.startsWith('-');
  const offered = isFlag ? optionWords(command) : commandWords(command);
  const isDone = command.commands.length > 0;
  return { words: startingWith(current, offered), files: !isFlag && !isDone && offered.length === 0 };
}

/** Lines of WORD, a tab and a description, then `:0` where the shell may offer files, else `:4`: as kubectl asks for them. */
export function offerText({ words, files }: Offer): string {
  return [...words.map(({ word, about }) => `${word}\t${about}\n`), files ? ':0\n' : ':4\n'].join('');
}

/** The innermost command that words name, and the option that still needs its value; undefined: no option does. */
function commandAt(program: Command, words: readonly string[]): { command: Command; option: Option | undefined } {
  let command = program;
  let option: Option | undefined;
  for (const word of words) {
    if (option !== undefined) {
      option = undefined;
      continue;
    }
    const found = optionOf(command, word);
    if (found?.required === true) option = found;
    else if (!word.startsWith('-'))
      command = visibleCommands(command).find((child) => child.name() === word) ?? defaultOf(command) ?? command;
  }
  return { command, option };
}

function optionOf(command: Command, flag: string): Option | undefined {
  return usableOptions(command).find((option) => flagsOf(option).includes(flag));
}

/** prefix   the text before the value in the same word: `--backend=` */
function valuesOf({ argChoices }: Option, prefix: string, current: string): Offer {
  if (argChoices === undefined) return { words: [], files: true };
  const words = argChoices.map((choice) => ({ word: `${prefix}${choice}`, about: '' }));
  return { words: startingWith(current, words), files: false };
}

function commandWords(command: Command): Offer['words'] {
  const commands = visibleCommands(command).map((child) => ({ word: child.name(), about: child.summary() }));
  const choices = command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices);
  return [...commands, ...choices.map((word) => ({ word, about: '' }))];
}

function optionWords(command: Command): Offer['words'] {
  const options = usableOptions(command).flatMap((option) =>
    flagsOf(option).map((word) => ({ word, about: firstLine(option.description) })),
  );
  return [...options, { word: '--help', about: 'say what the command takes' }];
}

/** Keeps a description on one line: a line break in it would begin another offer. */
function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

function startingWith(current: string, words: Offer['words']): Offer['words'] {
  return words.filter(({ word }) => word.startsWith(current));
}
