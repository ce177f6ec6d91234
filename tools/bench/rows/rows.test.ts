import { expect, it } from 'vitest';
import { probeSupport } from '../../../test/netns/probe.ts';
import { describeIn } from '../../../test/place.ts';
import type { Figure } from '../figures.ts';
import { allModes } from '../modes.ts';
import { readOptions } from '../options.ts';
import { applyRow } from './apply.ts';
import { changeRow, fanInOf } from './change.ts';
import { compileRow } from './compile.ts';
import type { Row } from './row.ts';

const { lacks, isolation } = await probeSupport();
const missing = lacks.namespaces ?? lacks.nft ?? lacks.legacy;

// A row compares bare tools with slicewright; either fails if the documents do not fit the kernel.
describeIn('network namespace', missing, 'rows of the bench, at a small size', () => {
  async function figuresOf({ measure }: Row, at: number): Promise<Figure[]> {
    const figures: Figure[] = [];
    for await (const figure of measure(at, { ...readOptions({ ROUNDS: '1' }), isolation })) figures.push(figure);
    return figures;
  }
  const whatOf = (figures: readonly Figure[], unit: string, mode?: string) =>
    figures.filter((figure) => figure.unit === unit && figure.mode === mode).map(({ what }) => what);

  it('change and fan-in: each kind of change, beside the same documents given to bare tools', async () => {
    const [changed, lost] = [await figuresOf(changeRow, 20), await figuresOf(fanInOf(10), 2)];
    for (const { name } of allModes) {
      const kinds = ['one endpoint changed', 'one Service added', 'one Service removed', 'one cluster lost'];
      expect(whatOf(changed, 'ms', name)).toEqual(kinds);
      expect(whatOf(lost, 'ms', name)).toEqual(['one cluster lost']);
    }
    for (const { unit, samples, floor } of [...changed, ...lost]) {
      if (unit === 'ms') expect(Math.min(...samples, ...(floor?.samples ?? []))).toBeGreaterThan(0);
      if (unit === 'documents') expect(new Set(samples)).toEqual(new Set([1]));
    }
  });

  it('apply: a cold start beside bare tools, and no write where all is right', async () => {
    const figures = await figuresOf(applyRow, 3);
    for (const { name, floor } of allModes) {
      const ms = figures.filter(({ mode, unit }) => mode === name && unit === 'ms');
      expect(ms.map((figure) => [figure.what, figure.floor?.what])).toEqual([
        ['cold start', floor.what],
        ['observe', 'the tools that read'],
        ['full sync of a kernel that is right', 'the tools that read'],
      ]);
    }
  });

  it('compile: in a process of its own', async () => {
    const figures = await figuresOf(compileRow, 2);
    expect(whatOf(figures, 'endpoints a CPU second')).toEqual(['compile from nothing']);
    for (const { samples } of figures) expect(Math.min(...samples)).toBeGreaterThan(0);
  });
});
