import type { NodeKind, Picture } from './picture.ts';

/** The text before and after a node's text. */
const brackets: Readonly<Record<NodeKind, readonly [string, string]>> = {
  frontend: ['(', ')'],
  port: ['[[', ']]'],
  cluster: ['[', ']'],
  endpoint: ['[', ']'],
  unused: ['[', ']'],
  nowhere: ['{{', '}}'],
};

/** Pictures in Mermaid's language, as Markdown of GitHub and GitLab shows them. */
export function mermaidText(pictures: readonly Picture[]): string {
  const parts = pictures.flatMap(({ title, nodes, edges }, index) => [
    `  subgraph s${index}[${quoted([title])}]`,
    ...nodes.map(({ id, kind, lines }) => {
      const [open, close] = brackets[kind];
      return `    ${id}${open}${quoted(lines)}${close}:::${kind}`;
    }),
    ...edges.map(({ from, to, text, isIdle }) => {
      const arrow = isIdle ? '-.->' : '-->';
      return `    ${from} ${arrow}${text === '' ? '' : `|${quoted([text])}|`} ${to}`;
    }),
    '  end',
  ]);
  return ['flowchart LR', ...parts, '  classDef unused stroke-dasharray: 4 3', ''].join('\n');
}

/** Text between quotes. Characters that Mermaid or a browser could take for markup are written as numbers. */
function quoted(lines: readonly string[]): string {
  return `"${lines.map((line) => line.replace(/[^\p{L}\p{N} ./:;,%()@_-]/gu, (char) => `#${char.codePointAt(0)};`)).join('<br/>')}"`;
}
