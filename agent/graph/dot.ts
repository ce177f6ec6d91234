import type { NodeKind, Picture } from './picture.ts';

const shapes: Readonly<Record<NodeKind, string>> = {
  frontend: 'shape=box, style=rounded',
  port: 'shape=box, penwidth=2',
  cluster: 'shape=folder',
  endpoint: 'shape=box',
  unused: 'shape=box, style=dashed',
  nowhere: 'shape=octagon',
};

/** Pictures in Graphviz's language. Each node has its kind as a class, which an SVG keeps. */
export function dotText(pictures: readonly Picture[]): string {
  const clusters = pictures.flatMap(({ title, nodes, edges }, index) => [
    `  subgraph cluster_${index} {`,
    `    label=${quoted(title)};`,
    ...nodes.map(
      ({ id, kind, lines }) => `    ${id} [label=${quoted(lines.join('\n'))}, class=${kind}, ${shapes[kind]}];`,
    ),
    ...edges.map(
      ({ from, to, text, isIdle }) =>
        `    ${from} -> ${to} [label=${quoted(text)}, class=${isIdle ? 'idle, style=dashed' : 'used'}];`,
    ),
    '  }',
  ]);
  return [
    'digraph traffic {',
    '  rankdir=LR;',
    '  bgcolor=transparent;',
    '  node [fontname="sans-serif", fontsize=11];',
    '  edge [fontname="sans-serif", fontsize=9];',
    '  graph [fontname="sans-serif", fontsize=12, style=invis];',
    ...clusters,
    '}',
    '',
  ].join('\n');
}

/** A backslash begins an escape in labels, and an ampersand an entity of HTML, so each is written as its escape. */
function quoted(text: string): string {
  return `"${text.replaceAll('&', '&amp;').replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
