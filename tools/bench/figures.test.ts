import { describe, expect, it } from 'vitest';
import { type Figure, middle, quantile, ratioOf, seriesOf, slopeOf } from './figures.ts';
import { markdownOf } from './report/markdown.ts';
import { plotsOf } from './report/plot.ts';
import { figureText, numberText } from './report/words.ts';
import type { Taking } from './taking.ts';

const figure = (at: number, samples: readonly number[], more: Partial<Figure> = {}): Figure => ({
  ...{ what: 'a load', mode: 'nft', unit: 'ms', at, samples },
  ...more,
});

describe('figures', () => {
  it('have a median, and quantiles', () => {
    expect([middle([3, 1, 2]), middle([4, 1, 2, 3]), middle([])]).toEqual([2, 2.5, NaN]);
    expect([quantile([1, 2, 3, 4], 0.99), quantile([1, 2, 3, 4], 0)]).toEqual([4, 1]);
  });

  it('grow by a slope: 1 as the size does, 2 as its square, 0 not at all', () => {
    const grown = (power: number) => slopeOf([100, 1_000, 5_000].map((at) => figure(at, [3 * at ** power])));
    expect([grown(0), grown(1), grown(2)].map((slope) => slope?.toFixed(6))).toEqual([
      '0.000000',
      '1.000000',
      '2.000000',
    ]);
    expect(slopeOf([figure(100, [1])])).toBeUndefined();
    expect(slopeOf([figure(100, [1]), figure(1_000, [])])).toBeUndefined();
  });

  it('have a ratio to their floor where it is something', () => {
    const floor = (...samples: readonly number[]) => ({ what: 'a tool', samples });
    expect(ratioOf(figure(1, [30, 10, 20], { floor: floor(10, 9, 11) }))).toBe(2);
    expect(ratioOf(figure(1, [30], { floor: floor(0) }))).toBeUndefined();
    expect(ratioOf(figure(1, [30]))).toBeUndefined();
  });

  it('are a series for each thing, kernel and unit, by size', () => {
    const series = seriesOf([figure(5, [1]), figure(5, [1], { mode: 'legacy' }), figure(1, [1], { wanted: 'little' })]);
    expect(series.map(({ mode, wanted, figures }) => [mode, wanted, figures.map(({ at }) => at)])).toEqual([
      ['nft', 'little', [1, 5]],
      ['legacy', undefined, [5]],
    ]);
  });
});

const taking: Taking = {
  began: '2026-01-02T03:04:05.000Z',
  seconds: 7,
  machine: {
    ...{ processor: 'a processor', processors: 2, memoryGb: 8, kernel: '6.1', node: '24.0.0' },
    ...{ tools: ['nftables v1'], loadBefore: 0.1, loadAfter: 1.5 },
  },
  rows: [
    {
      ...{ name: 'change', about: 'one change', axis: 'Services' },
      figures: [
        figure(1_000, [10, 14, 11], { floor: { what: 'a tool', samples: [8] }, wanted: 'at most 2 of the floor' }),
        figure(10_000, [110]),
        figure(1_000, [], { mode: 'legacy', refused: 'too large' }),
        figure(1_000, [3], { what: 'less & <more>' }),
        figure(10_000, [3], { what: 'less & <more>' }),
      ],
    },
  ],
};

describe('a report', () => {
  it('says a figure in words', () => {
    expect([0, 0.0312, 4.56, 99.94, 1234.5, 1_234_567].map(numberText)).toEqual([
      ...['0', '0.031', '4.56', '99.9', '1,235', '1,234,567'],
    ]);
    expect(taking.rows[0]?.figures.slice(0, 3).map(figureText)).toEqual([
      ...['11 (10–14), ×1.38', '110', 'refused: too large'],
    ]);
  });

  it('is Markdown that can be pasted, with a line for each series', () => {
    expect(
      markdownOf(taking),
    ).toBe(`Measured 2026-01-02, a processor, 2 processors, 8 GB, Linux 6.1, Node 24.0.0, nftables v1. The machine's load was 0.1 before and 1.5 after.

### change

one change.

| what | kernel by | unit | 1,000 Services | 10,000 Services | slope | wanted |
| --- | --- | --- | ---: | ---: | ---: | --- |
| a load | nft | ms | 11 (10–14), ×1.38 | 110 | 1.00 | at most 2 of the floor |
| a load | legacy | ms | refused: too large |  |  |  |
| less & <more> | nft | ms | 3 | 3 | 0.00 |  |
`);
  });

  it('draws a line for each series that has two sizes, with its slope', () => {
    const plots = plotsOf(taking);
    expect([...plots.keys()]).toEqual(['change-ms.svg']);
    const svg = plots.get('change-ms.svg') ?? '';
    expect(svg.match(/<polyline/g)).toHaveLength(2);
    expect(svg).toContain('>nft, a load: slope 1.00<');
    expect(svg).toContain('>nft, less &amp; &lt;more>: slope 0.00<');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    // If the cost is ten times as high at ten times the size, and nothing else varies, the line goes from corner to
    // corner.
    const [line] = plotsOf({ rows: [{ ...taking.rows[0]!, figures: [figure(10, [5]), figure(100, [50])] }] }).values();
    expect(line).toContain('points="70,470 560,50"');
  });

  it('draws nothing of one size, nor of what has none', () => {
    const row = taking.rows[0]!;
    expect(plotsOf({ rows: [{ ...row, figures: row.figures.slice(0, 1) }] }).size).toBe(0);
    expect(plotsOf({ rows: [{ ...row, axis: 'nothing' }] }).size).toBe(0);
  });
});
