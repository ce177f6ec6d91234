import type { Command, Option } from 'commander';

/* The contents of a tree of commands: completions and man pages are derived from it. */

/** Without the options that help hides. */
export function visibleOptions(command: Command): readonly Option[] {
  return command.options.filter(({ hidden }) => !hidden);
}

const defaults = new WeakMap<Command, Command>();

/** A default subcommand, used if none is named: `explain SENDER DESTINATION` is `explain packet …`. */
export function addDefault(parent: Command, name: string): Command {
  const child = parent.command(name, { isDefault: true });
  defaults.set(parent, child);
  return child;
}

/** The default subcommand of a command. */
export function defaultOf(command: Command): Command | undefined {
  return defaults.get(command);
}

/** The options that may follow a command's name: its own, and those of its default subcommand. */
export function usableOptions(command: Command): readonly Option[] {
  const meant = defaultOf(command);
  return meant === undefined ? visibleOptions(command) : [...visibleOptions(command), ...visibleOptions(meant)];
}

/** `-f`, `--filename`. */
export function flagsOf({ short, long }: Option): string[] {
  return [short, long].filter((flag) => flag !== undefined && flag !== null);
}

/** A command or subcommand, with its names from the program's on: `['explain', 'packet']`. */
export interface Place {
  readonly path: readonly string[];
  readonly command: Command;
}

/** Commands that help lists, without the `help` that every command has. */
export function visibleCommands(command: Command): readonly Command[] {
  const visible = new Set(command.createHelp().visibleCommands(command));
  return command.commands.filter((child) => visible.has(child));
}

/** All commands below a command, as far as help lists them. */
export function placesIn(command: Command, path: readonly string[] = []): Place[] {
  return visibleCommands(command).flatMap((child) => {
    const place = { path: [...path, child.name()], command: child };
    return [place, ...placesIn(child, place.path)];
  });
}
