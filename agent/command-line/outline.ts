import { Command } from 'commander';
import { visibleCommands } from '../terminal/command-tree.ts';

/*
 * What the program's help says of each command. The build derives it from the definitions, so that help need not load every
 * option of every command.
 */

export interface CommandOutline {
  /** `compile [options]` */
  readonly term: string;
  readonly about: string;
}

export function outlinesOf(program: Command): CommandOutline[] {
  const help = program.createHelp();
  return visibleCommands(program).map((command) => ({
    term: help.subcommandTerm(command),
    about: help.subcommandDescription(command),
  }));
}

/** Makes help of `program` read as with the real commands. They cannot be called. */
export function addOutlines(program: Command, outlines: readonly CommandOutline[]): Command {
  for (const { term, about } of outlines) program.addCommand(new Command(term).summary(about));
  return program;
}
