import type { PartDiff } from '../../backends/planning/differences.ts';

/** How a terminal shows a difference; each function takes and returns text. */
export interface Paint {
  readonly heading: (text: string) => string;
  readonly added: (text: string) => string;
  readonly removed: (text: string) => string;
}

/** The differences as text, at most about `maxLines` of it; the rest is counted. */
export function partsText(diffs: readonly PartDiff[], paint: Paint, maxLines: number): string {
  const lines: string[] = [];
  for (const [i, diff] of diffs.entries()) {
    if (lines.length + diff.lines.length > maxLines && i > 0) {
      const rest = diffs.slice(i);
      const rules = rest.reduce((sum, { removed, added }) => sum + removed + added, 0);
      lines.push(`… and ${rest.length} more chains with ${rules} changed rules: -o json or --out has them all`);
      break;
    }
    const owner = diff.servicePort === undefined ? '' : ` (${diff.servicePort})`;
    const change = diff.change === 'hooks' ? '' : ` ${diff.change}`;
    lines.push(paint.heading(`${diff.table} ${diff.chain}${owner}${change}`));
    const shown = diff.lines.slice(0, maxLines);
    for (const line of shown) {
      lines.push(line.startsWith('+') ? paint.added(line) : line.startsWith('-') ? paint.removed(line) : line);
    }
    if (shown.length < diff.lines.length) lines.push(`… and ${diff.lines.length - shown.length} more lines`);
  }
  return lines.map((line) => `${line}\n`).join('');
}
