import { type Figure, middle, type Series, seriesOf, slopeOf, type Unit } from '../figures.ts';
import type { Taking } from '../taking.ts';
import { numberText } from './words.ts';

/* Plots on logarithmic scales as plain SVG: a cost that grows as the size does is a line at 45 degrees where scales are alike. */

const [width, height] = [1080, 520];
const area = { left: 70, right: 560, top: 50, bottom: 470 };
const colours = ['#0b6e99', '#c2410c', '#15803d', '#7e22ce', '#b91c1c', '#a16207', '#ec4899', '#57534e', '#475569'];
const dashes = ['', '7 4', '2 3'];

/** File name → SVG: one for each row and unit in which there is something to draw. */
export function plotsOf({ rows }: Pick<Taking, 'rows'>): ReadonlyMap<string, string> {
  const plots = new Map<string, string>();
  for (const { name, axis, figures } of rows) {
    for (const [unit, ofUnit] of Map.groupBy(figures, (figure) => figure.unit)) {
      const series = seriesOf(ofUnit).flatMap(drawable);
      if (series.length === 0 || axis === 'nothing') continue;
      plots.set(`${name}-${unit.replaceAll(' ', '-')}.svg`, plotOf(`${name}: ${unit} by ${axis}`, axis, unit, series));
    }
  }
  return plots;
}

/** A logarithm needs a value above 0, and a line needs two points. */
function drawable(series: Series): Series[] {
  const figures = series.figures.filter(({ samples }) => middle(samples) > 0);
  return figures.length < 2 ? [] : [{ ...series, figures }];
}

function plotOf(title: string, axis: string, unit: Unit, series: readonly Series[]): string {
  const figures = series.flatMap((one) => one.figures);
  const x = scaleOf(
    figures.map(({ at }) => at),
    area.left,
    area.right,
  );
  const y = scaleOf(
    figures.flatMap(({ samples }) => samples.filter((sample) => sample > 0)),
    area.bottom,
    area.top,
  );
  const drawn = [
    text(area.left, 28, title, 'font-size="16" font-weight="bold"'),
    ...[...new Set(figures.map(({ at }) => at))].flatMap((at) => [
      line(x.of(at), area.top, x.of(at), area.bottom, '#e5e7eb'),
      text(x.of(at), area.bottom + 18, numberText(at), 'text-anchor="middle"'),
    ]),
    ...y.ticks.flatMap((tick) => [
      line(area.left, y.of(tick), area.right, y.of(tick), '#e5e7eb'),
      text(area.left - 8, y.of(tick) + 4, numberText(tick), 'text-anchor="end"'),
    ]),
    text((area.left + area.right) / 2, area.bottom + 38, axis, 'text-anchor="middle"'),
    text(area.left - 8, area.top - 8, unit, 'text-anchor="end"'),
    ...series.flatMap((one, i) => drawSeries(one, i, x.of, y.of)),
  ];
  const size = `width="${width}" height="${Math.max(height, area.top + 20 * series.length + 20)}"`;
  const head = `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="12">`;
  return [head, '<rect width="100%" height="100%" fill="#ffffff"/>', ...drawn, '</svg>', ''].join('\n');
}

function drawSeries(series: Series, i: number, x: (at: number) => number, y: (value: number) => number): string[] {
  const colour = colours[i % colours.length]!;
  const dash = dashes[Math.floor(i / colours.length) % dashes.length]!;
  const style = `stroke="${colour}" stroke-width="2" fill="none"${dash === '' ? '' : ` stroke-dasharray="${dash}"`}`;
  const places = series.figures.map((figure) => `${round(x(figure.at))},${round(y(middle(figure.samples)))}`);
  const legend = area.top + 20 * i;
  const name = [series.mode, series.what].filter((word) => word !== undefined).join(', ');
  const slope = slopeOf(series.figures)?.toFixed(2) ?? '';
  return [
    ...series.figures.map((figure) => spread(figure, x, y, colour)),
    `<polyline points="${places.join(' ')}" ${style}/>`,
    `<line x1="${area.right + 20}" y1="${legend - 4}" x2="${area.right + 50}" y2="${legend - 4}" ${style}/>`,
    text(area.right + 58, legend, `${name}: slope ${slope}`),
  ];
}

/** From the smallest sample to the largest. */
function spread(
  { at, samples }: Figure,
  x: (at: number) => number,
  y: (value: number) => number,
  colour: string,
): string {
  const above = samples.filter((sample) => sample > 0);
  return line(x(at), y(Math.min(...above)), x(at), y(Math.max(...above)), colour);
}

/**
 * Logarithmic, from the smallest value to the largest. Ticks are powers of ten, and values between them where they fit.
 */
function scaleOf(values: readonly number[], from: number, to: number) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const [low, high] = least === most ? [least / 2, most * 2] : [least, most];
  const of = (value: number) => from + ((to - from) * Math.log(value / low)) / Math.log(high / low);
  const powers = Array.from(
    { length: Math.ceil(Math.log10(high)) - Math.floor(Math.log10(low)) + 1 },
    (_, i) => 10 ** (Math.floor(Math.log10(low)) + i),
  );
  const steps = high / low > 1_000 ? [1] : high / low > 30 ? [1, 3] : [1, 2, 5];
  const ticks = powers.flatMap((power) => steps.map((step) => step * power)).filter((at) => at >= low && at <= high);
  return { of, ticks };
}

function line(x1: number, y1: number, x2: number, y2: number, colour: string): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="${colour}"/>`;
}

function text(x: number, y: number, content: string, style = ''): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${round(x)}" y="${round(y)}"${style === '' ? '' : ` ${style}`}>${escaped}</text>`;
}

function round(place: number): number {
  return Math.round(place * 10) / 10;
}
