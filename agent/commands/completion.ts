import type { Command } from 'commander';
import {
  defaultOf,
  flagsOf,
  placesIn,
  usableOptions,
  visibleCommands,
  visibleOptions,
} from '../terminal/command-tree.ts';
import type { Shell } from './shells.ts';

/**
 * A script that makes a shell complete the commands, options and choices of `program`. Everything
 * in it is derived from the program, so a new option needs no second place. zsh and PowerShell ask the program
 * at each completion (offer.ts), and so show its descriptions too.
 */
export function completionScript(shell: Shell, program: Command): string {
  switch (shell) {
    case 'bash':
      return bashScript(program);
    case 'zsh':
      return zshScript(program.name());
    case 'fish':
      return fishScript(program);
    case 'powershell':
      return powershellScript(program.name());
  }
}

/** The words that may come next: commands of a command, then its options. */
function wordsOf(command: Command): string {
  const commands = visibleCommands(command).map((child) => child.name());
  return [...commands, ...usableOptions(command).flatMap(flagsOf), '--help'].join(' ');
}

function bashScript(program: Command): string {
  const name = program.name();
  const places = placesIn(program).map(({ path, command }) => ({ at: path.join(' '), command }));
  const values = places.flatMap(({ at, command }) =>
    usableOptions(command)
      .filter(({ required }) => required)
      .map((option) => {
        const patterns = flagsOf(option).map((flag) => `"${at} ${flag}"`);
        const words = option.argChoices === undefined ? 'compgen -f' : `compgen -W "${option.argChoices.join(' ')}"`;
        return `    ${patterns.join('|')}) COMPREPLY=($(${words} -- "$current")); return;;`;
      }),
  );
  const options = places.map(({ at, command }) => `    "${at}") words="${wordsOf(command)}";;`);
  return `_${name}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command= word words=
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${command:+$command }$word" in
      ${places.map(({ at }) => `"${at}"`).join('|')}) command="\${command:+$command }$word";; esac
  done
  case "$command $previous" in
${values.join('\n')}
  esac
  case "$command" in
    "") words="${wordsOf(program)}";;
${options.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _${name} ${name}
`;
}

/** Works both as a file `_slicewright` in a folder of zsh's `fpath`, and when it is sourced after `compinit`. */
function zshScript(name: string): string {
  return `#compdef ${name}
_${name}() {
  local -a lines offers
  local line
  lines=("\${(@f)$("\${(Q)words[1]}" __complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "\${(@)lines[1,-2]}"; do
    offers+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  (( $#offers )) && _describe ${name} offers
  [[ $lines[-1] == :0 ]] && _files
}
if [[ $funcstack[1] == _${name} ]]; then _${name}; else compdef _${name} ${name}; fi
`;
}

/** Some PowerShell versions do not pass an empty word to a program, so `--next` says that a new word begins. */
function powershellScript(name: string): string {
  return `Register-ArgumentCompleter -Native -CommandName ${name} -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
    Where-Object { $_.Extent.StartOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
  $next = if ($wordToComplete -eq '') { @('--next') } else { @() }
  & ${name} __complete @next -- @words 2>$null | Where-Object { $_ -notmatch '^:' } | ForEach-Object {
    $word, $about = $_ -split "\`t", 2
    if (-not $about) { $about = $word }
    [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $about)
  }
}
`;
}

function fishScript(program: Command): string {
  const name = program.name();
  const lines = [`complete -c ${name} -f`, ...fishOptions(name, '__fish_use_subcommand', program)];
  for (const { path, command } of placesIn(program)) {
    const parents = seenInFish(path.slice(0, -1));
    const siblings = visibleCommands(command.parent ?? program).map((child) => child.name());
    const isNext =
      parents === ''
        ? '__fish_use_subcommand'
        : `"${parents}; and not __fish_seen_subcommand_from ${siblings.join(' ')}"`;
    lines.push(`complete -c ${name} -n ${isNext} -a ${command.name()} -d ${quote(command.summary())}`);
    lines.push(...fishOptions(name, `"${seenInFish(path)}"`, command));
    const meant = defaultOf(command);
    if (meant === undefined) continue;
    const named = visibleCommands(command).map((child) => child.name());
    const isUnnamed = `"${seenInFish(path)}; and not __fish_seen_subcommand_from ${named.join(' ')}"`;
    lines.push(...fishOptions(name, isUnnamed, meant));
  }
  return `${lines.join('\n')}\n`;
}

function seenInFish(path: readonly string[]): string {
  return path.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
}

function fishOptions(name: string, condition: string, command: Command): string[] {
  return visibleOptions(command).map((option) => {
    const short = option.short ? ` -s ${option.short.slice(1)}` : '';
    const long = option.long ? ` -l ${option.long.slice(2)}` : '';
    const choices = option.argChoices === undefined ? ' -F' : ` -a ${quote(option.argChoices.join(' '))}`;
    const value = option.required ? ` -r${choices}` : '';
    return `complete -c ${name} -n ${condition}${short}${long}${value} -d ${quote(option.description)}`;
  });
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
