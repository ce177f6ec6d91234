/**
 * What slicewright costs, as far as this machine can tell: rows of figures, each beside the figure of bare tools in the
 * same run.
 *
 *     make bench [ROWS=change,agent] [SIZES=100,1000] [CLUSTERS=1,20] [MODES=nft,legacy,nftables] [ROUNDS=3] [CHANGES=60]
 *
 * docs/performance.md explains each row. Ratios mean something on any machine, milliseconds only on this one, and CPU
 * time even on a busy one. The bench judges nothing: it prints the target beside the measured figure.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg, userInfo } from 'node:os';
import { join } from 'node:path';
import { probeSupport, type Support } from '../../test/netns/probe.ts';
import { type Figure, seriesOf, slopeOf } from './figures.ts';
import { type Options, readOptions } from './options.ts';
import { markdownOf } from './report/markdown.ts';
import { plotsOf } from './report/plot.ts';
import { figureText, numberText } from './report/words.ts';
import { allRows } from './rows/index.ts';
import type { Chosen, Row } from './rows/row.ts';
import { describeMachine, type Taking } from './taking.ts';

const began = new Date();
const [load = 0] = loadavg();
const options = readOptions(process.env);
const support = await probeSupport();
const rows = chooseRows(options);
const taken: Taking['rows'][number][] = [];
for (const row of rows) taken.push(await takeRow(row, possible(options, support)));
write({
  began: began.toISOString(),
  seconds: Math.round((Date.now() - began.getTime()) / 1000),
  machine: describeMachine(load),
  rows: taken,
});

function chooseRows({ rows: names }: Options): readonly Row[] {
  const unknown = names?.find((name) => !allRows.some((row) => row.name === name));
  if (unknown !== undefined)
    throw new Error(`ROWS: "${unknown}" is none of ${allRows.map(({ name }) => name).join(', ')}`);
  return allRows.filter(({ name, isSlow }) => names?.includes(name) ?? isSlow !== true);
}

/** The part of the options that this machine can measure. */
function possible({ modes, ...rest }: Options, { lacks }: Support): Chosen {
  if (lacks.namespaces !== undefined) throw new Error(`this machine refuses network namespaces: ${lacks.namespaces}`);
  // In a user namespace the kernel bounds what one transaction may send, far below these sizes.
  const isolation = userInfo().uid === 0 ? 'root' : 'user';
  if (isolation === 'user')
    console.log('Without root, iptables-nft refuses transactions of more than about 1,000 Services.\n');
  const there = modes.filter(({ name, needs }) => {
    const why = lacks[needs];
    if (why !== undefined) console.log(`${name}: not here: ${why}`);
    return why === undefined;
  });
  return { ...rest, modes: there, isolation };
}

async function takeRow({ name, about, axis, sizes, measure }: Row, chosen: Chosen): Promise<Taking['rows'][number]> {
  const start = performance.now();
  console.log(`${name}: ${about}`);
  const figures: Figure[] = [];
  const places = { Services: chosen.sizes, clusters: chosen.clusters, nothing: undefined }[axis] ?? sizes;
  for (const at of places) {
    if (axis !== 'nothing') console.log(`  ${numberText(at)} ${axis}`);
    for await (const figure of measure(at, chosen)) {
      figures.push(figure);
      console.log(`    ${nameOf(figure).padEnd(62)} ${figureText(figure)} ${figure.unit}`);
    }
  }
  for (const series of seriesOf(figures)) {
    const slope = slopeOf(series.figures);
    if (slope === undefined) continue;
    const wanted = series.wanted === undefined ? '' : `   wanted: ${series.wanted}`;
    console.log(`  slope ${slope.toFixed(2).padStart(5)}  ${nameOf(series)}, ${series.unit}${wanted}`);
  }
  console.log(`  took ${numberText((performance.now() - start) / 1000)} s\n`);
  return { name, about, axis, figures };
}

function nameOf({ mode, what }: Pick<Figure, 'mode' | 'what'>): string {
  return mode === undefined ? what : `${mode}, ${what}`;
}

function write(taking: Taking): void {
  const { folder } = options;
  const files = new Map([
    ['figures.json', `${JSON.stringify(taking, undefined, 1)}\n`],
    ['figures.md', markdownOf(taking)],
    ...plotsOf(taking),
  ]);
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
  console.log(`${folder}: ${[...files.keys()].join(', ')}`);
}
