import type { Command, Option } from 'commander';

export type Shell = 'bash' | 'zsh' | 'fish';

/**
 * A script that makes a shell complete the commands, options and choices of `program`. Everything
 * in it is read off the program, so a new option needs no second place.
 */
export function completionScript(shell: Shell, program: Command): string {
  switch (shell) {
    case 'bash':
      return bashScript(program);
    case 'zsh':
      // zsh runs bash's completions, once told to.
      return `autoload -U +X bashcompinit && bashcompinit\n${bashScript(program)}`;
    case 'fish':
      return fishScript(program);
  }
}

function visibleOptions(command: Command): readonly Option[] {
  return command.options.filter(({ hidden }) => !hidden);
}

function flagsOf({ short, long }: Option): string[] {
  return [short, long].filter((flag) => flag !== undefined && flag !== null);
}

function bashScript(program: Command): string {
  const name = program.name();
  const commands = program.commands.map((command) => command.name());
  const values = program.commands.flatMap((command) =>
    visibleOptions(command)
      .filter(({ required }) => required)
      .map((option) => {
        const patterns = flagsOf(option).map((flag) => `"${command.name()} ${flag}"`);
        const words = option.argChoices === undefined ? 'compgen -f' : `compgen -W "${option.argChoices.join(' ')}"`;
        return `    ${patterns.join('|')}) COMPREPLY=($(${words} -- "$current")); return;;`;
      }),
  );
  const options = program.commands.map((command) => {
    const flags = [...visibleOptions(command).flatMap(flagsOf), '--help'];
    return `    ${command.name()}) words="${flags.join(' ')}";;`;
  });
  return `_${name}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command= word words=
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in ${commands.join('|')}) command="$word"; break;; esac
  done
  case "$command $previous" in
${values.join('\n')}
  esac
  case "$command" in
    "") words="${[...commands, '--help'].join(' ')}";;
${options.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _${name} ${name}
`;
}

function fishScript(program: Command): string {
  const name = program.name();
  const lines = [`complete -c ${name} -f`];
  for (const command of program.commands) {
    lines.push(`complete -c ${name} -n __fish_use_subcommand -a ${command.name()} -d ${quote(command.summary())}`);
    const within = `-n "__fish_seen_subcommand_from ${command.name()}"`;
    for (const option of visibleOptions(command)) {
      const short = option.short ? ` -s ${option.short.slice(1)}` : '';
      const long = option.long ? ` -l ${option.long.slice(2)}` : '';
      const choices = option.argChoices === undefined ? ' -F' : ` -a ${quote(option.argChoices.join(' '))}`;
      const value = option.required ? ` -r${choices}` : '';
      lines.push(`complete -c ${name} ${within}${short}${long}${value} -d ${quote(option.description)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
