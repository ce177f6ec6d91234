import type { Command, Option } from 'commander';

/* What a tree of commands offers: completions and man pages are read off it. */

/** Without those that help does not show either. */
export function visibleOptions(command: Command): readonly Option[] {
  return command.options.filter(({ hidden }) => !hidden);
}

const defaults = new WeakMap<Command, Command>();

/** A command of a command that is meant where none is named: `explain SENDER DESTINATION` is `explain packet …`. */
export function addDefault(parent: Command, name: string): Command {
  const child = parent.command(name, { isDefault: true });
  defaults.set(parent, child);
  return child;
}

/** The command that is meant where none of a command's is named. */
export function defaultOf(command: Command): Command | undefined {
  return defaults.get(command);
}

/** What may stand behind a command's name: its own options, and those of the command that is meant where none is named. */
export function usableOptions(command: Command): readonly Option[] {
  const meant = defaultOf(command);
  return meant === undefined ? visibleOptions(command) : [...visibleOptions(command), ...visibleOptions(meant)];
}

/** `-f`, `--filename`. */
export function flagsOf({ short, long }: Option): string[] {
  return [short, long].filter((flag) => flag !== undefined && flag !== null);
}

/** A command, or a command of a command, with its names from the program's on: `['explain', 'packet']`. */
export interface Place {
  readonly path: readonly string[];
  readonly command: Command;
}

/** Commands that help lists, without the `help` that every command has. */
export function visibleCommands(command: Command): readonly Command[] {
  const visible = new Set(command.createHelp().visibleCommands(command));
  return command.commands.filter((child) => visible.has(child));
}

/** All commands below a command that help lists. */
export function placesIn(command: Command, path: readonly string[] = []): Place[] {
  return visibleCommands(command).flatMap((child) => {
    const place = { path: [...path, child.name()], command: child };
    return [place, ...placesIn(child, place.path)];
  });
}
