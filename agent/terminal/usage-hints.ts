import { nearestName } from '../../compiler/values/nearest.ts';

/** The command that was called wrongly. */
export interface CalledCommand {
  /** With the commands above it: `slicewright plan`. */
  readonly name: string;
  /** Words that are not options. */
  readonly words: readonly string[];
  readonly subcommands: readonly string[];
  /** The option that takes a path of manifests, in its shortest form: `-f`. undefined: there is none. */
  readonly pathOption: string | undefined;
}

/**
 * An error's text with what was probably meant, if commander does not name it itself (as it does for options and
 * commands).
 *
 * isPath   whether there is a file or a folder of this name
 */
export function withHint(text: string, called: CalledCommand, isPath: (word: string) => boolean): string {
  if (/\(did you mean /i.test(text)) return text;
  const meant = choiceMeant(text) ?? wordMeant(text, called, isPath);
  return meant === undefined ? text : `${text.trimEnd()}\n(Did you mean ${meant}?)\n`;
}

/** `…argument 'ipv' is invalid. Allowed choices are iptables, ipvs.` → `ipvs` */
function choiceMeant(text: string): string | undefined {
  const [, given, choices] = /'([^'\n]*)' is invalid[^.\n]*\. Allowed choices are ([^\n]*)\.$/m.exec(text) ?? [];
  return given === undefined || choices === undefined ? undefined : nearestName(given, choices.split(', '));
}

/** A single word is a path without its option, or a misspelt command. */
function wordMeant(text: string, called: CalledCommand, isPath: (word: string) => boolean): string | undefined {
  if (!/too many arguments|required option|unknown command|must be given/.test(text)) return undefined;
  const { name, words, subcommands, pathOption } = called;
  for (const word of words) {
    const looksLikeOne = /\/|\.(ya?ml|json)$/.test(word);
    if (pathOption !== undefined && (looksLikeOne || isPath(word))) return `${pathOption} ${word}`;
    const command = nearestName(word, subcommands);
    if (command !== undefined) return `${name} ${command}`;
  }
  return undefined;
}
