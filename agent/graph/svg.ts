import { instance } from '@viz-js/viz';
import { dotText } from './dot.ts';
import type { Picture } from './picture.ts';

/** One drawn picture, in pixels. `body` is SVG with Graphviz's colours; {@link graphStyle} replaces those. */
export interface Drawing {
  readonly body: string;
  readonly viewBox: string;
  readonly width: number;
  readonly height: number;
}

const gap = 16;

/** Colours follow the reader's setting; a node's or edge's class is its kind in the picture. */
export const graphStyle = `
text { fill: light-dark(#1b1f24, #e6edf3); stroke: none }
path, polygon, polyline, ellipse { stroke: light-dark(#57606a, #9198a1); fill: none }
.edge polygon { fill: light-dark(#57606a, #9198a1) }
.frontend path, .frontend polygon { stroke: light-dark(#0969da, #4493f8) }
.port polygon { fill: light-dark(#f6f8fa, #151b23) }
.cluster.node polygon { fill: light-dark(#ddf4ff, #121d2f) }
.nowhere polygon { stroke: light-dark(#cf222e, #f85149) }
.unused text, .idle text { fill: light-dark(#57606a, #9198a1) }
`;

/**
 * Pictures drawn by Graphviz, one below the other, as one SVG document: no script, nothing loaded from elsewhere. Each is
 * laid out alone, so a thousand take a thousand times as long as one.
 */
export async function svgText(pictures: readonly Picture[]): Promise<string> {
  const drawings = pictures.map(await createDrawer());
  const width = Math.max(0, ...drawings.map((one) => one.width));
  let y = 0;
  const parts = drawings.map(({ body, viewBox, ...size }) => {
    const part = `<svg y="${y}" width="${size.width}" height="${size.height}" viewBox="${viewBox}">\n${body}</svg>\n`;
    y += size.height + gap;
    return part;
  });
  const height = Math.max(0, y - gap);
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="ways of traffic" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" style="color-scheme: light dark">
<style>${graphStyle}</style>
${parts.join('')}</svg>
`;
}

/** Draws pictures by Graphviz, each laid out alone: milliseconds for one of a dozen nodes. */
export async function createDrawer(): Promise<(picture: Picture) => Drawing> {
  const graphviz = await instance();
  return (picture) => drawing(graphviz.renderString(dotText([picture]), { format: 'svg' }));
}

/** Graphviz's own names of nodes are left out: they repeat from picture to picture, and browsers show them as hints. */
function drawing(svg: string): Drawing {
  const match = /<svg width="([\d.]+)pt" height="([\d.]+)pt"\s+viewBox="([-\d. ]+)"[^>]*>\n?([\s\S]*)<\/svg>/.exec(svg);
  if (match === null) throw new Error('Graphviz drew no SVG');
  const [, width, height, viewBox = '', body = ''] = match;
  return {
    width: Math.ceil((Number(width) * 4) / 3),
    height: Math.ceil((Number(height) * 4) / 3),
    viewBox,
    body: body
      .replaceAll(/<title>[^<]*<\/title>\n?/g, '')
      .replaceAll(/<!--[^>]*-->\n?/g, '')
      .replaceAll(/(<g) id="[^"]*"/g, '$1'),
  };
}
