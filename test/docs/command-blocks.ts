/** The first command of a block that shows commands but is not run. */
export interface CommandBlock {
  readonly command: string;
  /** From 1. */
  readonly line: number;
}

const programs =
  'slicewright|make|kubectl|helm|docker|npm|git|source|bash|sh|sudo|sysctl|modprobe|systemctl|ip|ip6?tables(?:-save|-restore)?|ipset|ipvsadm|nft';
const commandLine = new RegExp(String.raw`^\s*(?:\$ )?((?:${programs}) .*)$`);

/**
 * Blocks of a page, fenced or indented, that contain a command.
 *
 * run   fences of blocks that a test runs; such blocks are left out
 */
export function commandBlocksIn(page: string, run: readonly string[] = ['console']): readonly CommandBlock[] {
  const lines = page.split('\n');
  const found: CommandBlock[] = [];
  for (let i = 0; i < lines.length; i++) {
    const fence = /^\s*```(.*)$/.exec(lines[i] ?? '');
    const isIndented = /^ {4,}\S/.test(lines[i] ?? '') && (lines[i - 1] ?? '').trim() === '';
    if (fence === null && !isIndented) continue;
    const first = fence === null ? i : i + 1;
    const isEnd = fence === null ? (line: string) => !/^ {4,}/.test(line) : (line: string) => /^\s*```$/.test(line);
    const length = lines.slice(first).findIndex(isEnd);
    const end = length < 0 ? lines.length : first + length;
    const at = lines.slice(first, end).findIndex((line) => commandLine.test(line));
    const command = commandLine.exec(lines[first + at] ?? '')?.[1];
    if (!run.includes(fence?.[1] ?? '') && at >= 0 && command !== undefined)
      found.push({ command, line: first + at + 1 });
    i = fence === null ? end - 1 : end;
  }
  return found;
}
