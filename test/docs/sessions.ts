/** A command of a page, with the output that the page shows. */
export interface Shown {
  readonly command: string;
  /** Lines without line ends; `…` stands for any text of a line, and alone for any number of lines. */
  readonly output: readonly string[];
  /** The first line of the command in the page, from 1. */
  readonly line: number;
}

export interface Block {
  /** Lines between the fences, counted from 0: first, and after the last. */
  readonly first: number;
  readonly end: number;
  readonly shown: readonly Shown[];
}

/**
 * The blocks of a page that are run: those fenced as `console`. A line that begins with `$ ` is a command, and
 * continues in the next line after a `\`; the lines that follow are its output on both streams.
 */
export function blocksOf(page: string): readonly Block[] {
  const lines = page.split('\n');
  const blocks: Block[] = [];
  for (let i = 0; i < lines.length; i++) {
    if (lines[i] !== '```console') continue;
    const end = lines.indexOf('```', i);
    if (end < 0) throw new Error(`the block of line ${i + 1} does not end`);
    blocks.push({ first: i + 1, end, shown: shownIn(lines.slice(i + 1, end), i + 2) });
    i = end;
  }
  return blocks;
}

function shownIn(lines: readonly string[], from: number): readonly Shown[] {
  const shown: { command: string; output: string[]; line: number }[] = [];
  let isOpen = false;
  for (const [i, text] of lines.entries()) {
    const last = shown.at(-1);
    if (isOpen && last !== undefined) last.command += `\n${text}`;
    else if (text.startsWith('$ ')) shown.push({ command: text.slice(2), output: [], line: from + i });
    else if (last === undefined) throw new Error(`line ${from + i} stands before any command`);
    else last.output.push(text);
    isOpen = (isOpen || text.startsWith('$ ')) && text.endsWith('\\');
  }
  return shown;
}

/** One script for a page: before each command it prints the mark with the command's number. */
export function scriptOf(shown: readonly Shown[], mark: string): string {
  return shown.map(({ command }, i) => `printf '\\n%s\\n' '${mark} ${i}'\n${command}\n`).join('');
}

/** The output of each command of such a script. */
export function outputsOf(text: string, mark: string): readonly (readonly string[])[] {
  return text
    .split(new RegExp(`\\n${mark} \\d+\\n`))
    .slice(1)
    .map((output) => (output === '' ? [] : output.replace(/\n$/, '').split('\n')));
}

/** Whether a page's lines match the printed ones. */
export function isShown(expected: readonly string[], printed: readonly string[]): boolean {
  const [line, ...rest] = expected;
  if (line === undefined) return printed.length === 0;
  if (line.trim() === '…') return printed.some((_, i) => isShown(rest, printed.slice(i))) || isShown(rest, []);
  const [first, ...others] = printed;
  return first !== undefined && isLike(line, first) && isShown(rest, others);
}

function isLike(expected: string, printed: string): boolean {
  if (!expected.includes('…')) return expected === printed;
  const pieces = expected.split('…').map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${pieces.join('.*')}$`).test(printed);
}
