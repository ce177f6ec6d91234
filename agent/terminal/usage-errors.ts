import { existsSync } from 'node:fs';
import { type Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { writeUsageError } from './io.ts';
import { usageStatus } from './usage-status.ts';
import { type CalledCommand, withHint } from './usage-hints.ts';

/** Commander ends a process with 1 for any problem; here usage errors end it with 2, and name what was probably meant. */
export function withUsageErrors(command: Command): Command {
  return command
    .exitOverride((error) => {
      throw new CommanderError(error.exitCode === 0 ? 0 : usageStatus, error.code, error.message);
    })
    .configureOutput({
      writeErr: writeUsageError,
      outputError: (text, write) => write(withHint(text, calledAs(command), existsSync)),
    });
}

function calledAs(command: Command): CalledCommand {
  const names: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) names.unshift(at.name());
  const path = command.options.find(({ long }) => long === '--filename' || long === '--source');
  return {
    name: names.join(' '),
    words: command.args.filter((word) => !word.startsWith('-')),
    subcommands: command.commands.map((one) => one.name()),
    pathOption: path?.short ?? path?.long ?? undefined,
  };
}

/** The address at which a command asks a process for its state. */
export function addressOption(text: string, usual: string): Option {
  return new Option('--address <host:port>', text).argParser(parseHostPort).default(usual);
}

function parseHostPort(text: string): string {
  if (/^(?:\[[0-9a-fA-F:.]+\]|[^\s:/@?#[\]]+):\d{1,5}$/.test(text)) return text;
  throw new InvalidArgumentError('It is not HOST:PORT.');
}
