import { type Command, Option } from 'commander';

/* What options of commands of every kind need. It loads no backend, so that a command which needs none starts without. */

export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

/** `-o, --output`, as kubectl has it. `--format`, its former name, is still accepted. */
export function addOutput<T extends string>(
  command: Command,
  choices: readonly T[],
  theDefault: NoInfer<T>,
  text = 'output format',
): Command {
  return command
    .addOption(new Option('-o, --output <format>', text).choices(choices).default(theDefault))
    .addOption(new Option('--format <format>').choices(choices).hideHelp())
    .on('option:format', (format: string) => command.setOptionValue('output', format));
}
