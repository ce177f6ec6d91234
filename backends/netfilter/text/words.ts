import { isPlainText } from '../../../compiler/values/plain-text.ts';

/** The words of a saved rule, taken from the front. */
export interface Words {
  /** The next word; undefined at the end. */
  next(): string | undefined;
  /** Takes the next word if it is this one. */
  take(word: string): boolean;
  /** Takes the next two words if the first is this option, and gives the second. */
  valueOf(option: string): string | undefined;
  readonly done: boolean;
}

/**
 * Splits a line as iptables-save writes it: words apart by one or more blanks, some in double quotes with
 * `\` before what is meant literally. undefined when a quote is not closed, or the line is more than one.
 */
export function splitWords(line: string): Words | undefined {
  if (!isPlainText(line)) return undefined;
  const words = line.includes('"') ? splitQuoted(line) : line.split(' ').filter((word) => word !== '');
  return words === undefined ? undefined : wordsOf(words);
}

function splitQuoted(line: string): string[] | undefined {
  const words: string[] = [];
  const word = /\s*(?:"((?:[^"\\]|\\.)*)"(?=\s|$)|([^"\s]+))/y;
  while (word.lastIndex < line.trimEnd().length) {
    const match = word.exec(line);
    if (match === null) return undefined;
    words.push(match[2] ?? (match[1] ?? '').replace(/\\(.)/g, '$1'));
  }
  return words;
}

function wordsOf(words: readonly string[]): Words {
  let at = 0;
  const take = (word: string): boolean => {
    if (words[at] !== word) return false;
    at++;
    return true;
  };
  return {
    next: () => words[at++],
    take,
    valueOf: (option) => (take(option) ? words[at++] : undefined),
    get done() {
      return at >= words.length;
    },
  };
}
