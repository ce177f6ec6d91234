import { isPlainText } from '../../../compiler/values/plain-text.ts';

/** The words of a rule or an element, taken from the front. */
export interface Tokens {
  /** The next word without taking it. */
  peek(): string | undefined;
  /** The next word; undefined at the end. */
  next(): string | undefined;
  /** Takes the next word if it is this one. */
  take(word: string): boolean;
  /** Takes the next word if it is in quotes, and gives what they hold. */
  quoted(): string | undefined;
  readonly done: boolean;
}

const word = /"[^"]*"|[{},]|[^\s{},"]+/g;

/** undefined: it is more than one line, or holds control characters. */
export function tokensOf(text: string): Tokens | undefined {
  if (!isPlainText(text)) return undefined;
  const words = text.match(word) ?? [];
  let at = 0;
  return {
    peek: () => words[at],
    next: () => words[at++],
    take(wanted) {
      if (words[at] !== wanted) return false;
      at++;
      return true;
    },
    quoted() {
      const next = words[at];
      if (next?.startsWith('"') !== true) return undefined;
      at++;
      return next.slice(1, -1);
    },
    get done() {
      return at >= words.length;
    },
  };
}
