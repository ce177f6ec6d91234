import { seriesOf } from '../figures.ts';
import type { Taking } from '../taking.ts';
import { figureText, numberText, slopeText } from './words.ts';

/** Tables that can be pasted into docs/performance.md as they are. */
export function markdownOf({ machine, began, rows }: Taking): string {
  const about = [`${began.slice(0, 10)}, ${machine.processor}`, `${machine.processors} processors`];
  const more = [`${machine.memoryGb} GB`, `Linux ${machine.kernel}`, `Node ${machine.node}`, ...machine.tools];
  const load = `The machine's load was ${machine.loadBefore} before and ${machine.loadAfter} after.`;
  return [`Measured ${[...about, ...more].join(', ')}. ${load}`, ...rows.map(tableOf)].join('\n\n') + '\n';
}

function tableOf({ name, about, axis, figures }: Taking['rows'][number]): string {
  const sizes = [...new Set(figures.map(({ at }) => at))].sort((a, b) => a - b);
  const hasSlope = sizes.length > 1;
  const heads = axis === 'nothing' ? ['figure'] : sizes.map((size) => `${numberText(size)} ${axis}`);
  const columns = ['what', 'kernel by', 'unit', ...heads, ...(hasSlope ? ['slope'] : []), 'wanted'];
  const lines = seriesOf(figures).map((series) => {
    const cells = sizes.map((size) => {
      const figure = series.figures.find(({ at }) => at === size);
      return figure === undefined ? '' : figureText(figure);
    });
    const slope = hasSlope ? [slopeText(series.figures)] : [];
    return [series.what, series.mode ?? '', series.unit, ...cells, ...slope, series.wanted ?? ''];
  });
  const rule = columns.map((_, i) => (i > 2 && i < 3 + sizes.length + (hasSlope ? 1 : 0) ? '---:' : '---'));
  const table = [columns, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  return `### ${name}\n\n${about}.\n\n${table}`;
}
