import { type Figure, middle, ratioOf, slopeOf } from '../figures.ts';

/* Figures in words, the same on the terminal, in tables and in plots. */

/** 1234.5 → 1,235; small numbers keep three digits. */
export function numberText(value: number): string {
  if (value !== 0 && Math.abs(value) < 100) return String(Number(value.toPrecision(Math.abs(value) < 1 ? 2 : 3)));
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}

/**
 * `12.3 (11.9–14), ×1.3`: the median, the smallest and largest where there are several samples, and the ratio to the
 * floor.
 */
export function figureText(figure: Figure): string {
  const { samples, refused } = figure;
  if (samples.length === 0) return `refused: ${refused ?? 'no reason was given'}`;
  const spread = [Math.min(...samples), Math.max(...samples)].map(numberText);
  const ratio = ratioOf(figure);
  return [
    numberText(middle(samples)),
    samples.length > 1 && spread[0] !== spread[1] ? ` (${spread.join('–')})` : '',
    ratio === undefined ? '' : `, ×${numberText(ratio)}`,
  ].join('');
}

/** `0.03`, or an empty text where there are fewer than two sizes. */
export function slopeText(figures: readonly Figure[]): string {
  const slope = slopeOf(figures);
  return slope === undefined ? '' : slope.toFixed(2);
}
