import { describe, expect, it } from 'vitest';
import { dotText } from './dot.ts';
import { mermaidText } from './mermaid.ts';
import type { Picture } from './picture.ts';
import { svgText } from './svg.ts';

const hostileText = 'a"] --> b; <script>alert(1)</script> \\N &amp; #quot; `x`\\';
const hostile: Picture = {
  title: hostileText,
  nodes: [
    { id: 'p0', kind: 'port', lines: [hostileText] },
    { id: 'p0n1', kind: 'endpoint', lines: ['one', hostileText] },
  ],
  edges: [{ from: 'p0', to: 'p0n1', text: hostileText, isIdle: true }],
};

describe('texts of objects in a picture', () => {
  it('stay text in an SVG, whole', async () => {
    const svg = await svgText([hostile]);
    expect(svg).not.toContain('<script');
    const shown = [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text = '']) => unescape(text));
    expect(shown.filter((text) => text === hostileText)).toHaveLength(3);
  });

  it('stay between their quotes in Mermaid', () => {
    for (const line of mermaidText([hostile]).split('\n'))
      expect(line.replaceAll(/#\d+;/g, '')).not.toMatch(/[<`\\&](?!br\/>)/);
    expect(mermaidText([hostile]).match(/"/g)).toHaveLength(2 * 4);
  });

  it('stay between their quotes in DOT', () => {
    const outside = dotText([hostile]).replaceAll(/"(?:[^"\\]|\\.)*"/g, '');
    expect(outside).not.toMatch(/script|alert|"/);
  });
});

function unescape(text: string): string {
  const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', amp: '&' };
  return text
    .replaceAll(/&(?:#(\d+)|(\w+));/g, (_, code: string | undefined, name = '') =>
      code === undefined ? (entities[name] ?? '?') : String.fromCodePoint(Number(code)),
    )
    .replaceAll('\u00a0', ' ');
}
