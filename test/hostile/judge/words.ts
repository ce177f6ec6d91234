import { isIPv4, isIPv6 } from 'node:net';

/** Words of a line, or the reason why it cannot be cut into words. */
export type Cut = { readonly words: readonly string[] } | { readonly flaw: string };

/**
 * Cuts a line as iptables-restore does: at spaces and tabs, except within double quotes, where a backslash makes the
 * next character literal.
 *
 * source  iptables, iptables/xshared.c, add_param_to_argv
 */
export function cutRestoreLine(line: string): Cut {
  const words: string[] = [];
  let word: string | undefined;
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    const char = line[i] as string;
    if (quoted && char === '\\') {
      i++;
      word = (word ?? '') + (line[i] ?? '');
    } else if (char === '"') {
      quoted = !quoted;
      word ??= '';
    } else if (!quoted && (char === ' ' || char === '\t')) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + char;
  }
  if (quoted) return { flaw: 'a quote stays open' };
  if (word !== undefined) words.push(word);
  return { words };
}

/** Cuts a line as nft does: words, texts in double quotes, which have no escapes, and signs. */
export function cutNftLine(line: string): Cut {
  const words: string[] = [];
  const token = /[ \t]*(?:("[^"]*")|([{};,])|([^ \t"{};,]+))/y;
  while (token.lastIndex < line.trimEnd().length) {
    const found = token.exec(line);
    if (found === null) return { flaw: 'a quote stays open' };
    words.push(found[1] ?? found[2] ?? found[3] ?? '');
  }
  return { words };
}

/** No character of a text may have a special meaning for a tool or a terminal: only \n ends lines. */
export function isPlainText(text: string): boolean {
  return /^[\x20-\x7e\n\t]*$/.test(text);
}

export function isAddress(word: string): boolean {
  return isIPv4(word) || (isIPv6(word) && !word.includes('%'));
}

export function isNetwork(word: string): boolean {
  const [address = '', length = '', ...more] = word.split('/');
  return (
    more.length === 0 &&
    isAddress(address) &&
    /^\d{1,3}$/.test(length) &&
    Number(length) <= (isIPv4(address) ? 32 : 128)
  );
}

export function isPort(word: string): boolean {
  return /^\d{1,5}$/.test(word) && Number(word) >= 1 && Number(word) <= 65535;
}

/** `10.1.0.1:80`, `[fd01::1]:80`. */
export function isSocket(word: string): boolean {
  const [, bare = '', port = ''] = /^(.*):(\d+)$/.exec(word) ?? [];
  const inner = /^\[(.*)\]$/.exec(bare)?.[1];
  return isPort(port) && (inner === undefined ? isIPv4(bare) : isIPv6(inner) && isAddress(inner));
}
