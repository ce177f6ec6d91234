import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chunks, packChunks, writePacked } from './packs.ts';

/*
 * A program with a state that all its parts share. Both `add` and `take` need `state` and `words`; only `add` needs `extra`;
 * `rare` is on no way.
 */
const sources = {
  'main.js': `import { name } from './words.js';
    export const main = async (word) => name + ' ' + (await (await (word === 'add' ? import('./add.js') : import('./take.js'))).run());`,
  'add.js': `import { count, change } from './state.js'; import { name } from './extra.js';
    export const run = async () => { change(2); return [name, count, (await import('./rare.js')).run()].join(); };`,
  'take.js': `import { count, change } from './state.js'; import { name } from './words.js';
    export const run = () => { change(-1); return [name, count].join(); };`,
  'state.js': 'export let count = 5; export const change = (by) => { count += by; };',
  'extra.js': `import { name as words } from './words.js'; export const name = words + '!';`,
  'words.js': `import './loaded.js'; export const name = 'words';`,
  'loaded.js': 'globalThis.loaded = (globalThis.loaded ?? 0) + 1;',
  'rare.js': `import { count } from './state.js'; import { name } from './extra.js'; export const run = () => name + count + ' loaded ' + globalThis.loaded;`,
};

let folder: string;
let files: string[];
beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'slicewright-packs-')));
  for (const [name, text] of Object.entries(sources)) writeFileSync(join(folder, name), text);
  const here = relative('.', folder);
  const options = { format: 'esm', bundle: true, splitting: true, minifyWhitespace: true, metafile: true } as const;
  const { metafile, outputFiles } = await build({
    ...options,
    entryPoints: { main: join(here, 'main.js') },
    outdir: join(here, 'out'),
    chunkNames: 'chunks/[name]-[hash]',
    write: false,
  });
  const chunks: Chunks = { metafile, texts: new Map(outputFiles.map(({ path, text }) => [relative('.', path), text])) };
  const at = (name: string): string => join(here, name);
  const ways = new Map([
    ['first', [at('main.js'), at('add.js')]],
    ['second', [at('main.js'), at('take.js')]],
  ]);
  const main = join(here, 'out/main.js');
  const packing = packChunks(chunks, ways, new Set([main]));
  files = [...new Set([...chunks.texts.keys()].map((path) => packing.get(path) ?? path))];
  for (const path of files) {
    mkdirSync(dirname(path), { recursive: true });
    const text = await writePacked(chunks, packing, path, {
      format: 'cjs',
      platform: 'node',
      supported: { 'dynamic-import': false },
    });
    writeFileSync(path, text);
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(...words: readonly string[]): string {
  const text = `const { main } = require('./out/main.js');
    (async () => { for (const word of ${JSON.stringify(words)}) console.log(await main(word)); })();`;
  return execFileSync(process.execPath, ['--eval', text], { cwd: folder, encoding: 'utf8', timeout: 60_000 });
}

describe('chunks that are joined', () => {
  test('are one file where the same ways need them', () => {
    const names = readdirSync(join(folder, 'out/chunks')).map((name) => name.replace(/-[^-]*\.js$/, ''));
    // `take` is alone on its way, `rare` on none.
    expect(names.sort()).toEqual(['first', 'first-second', 'rare', 'take']);
  });

  test('do what they do apart, and have one state', () => {
    expect(run('add')).toBe('words words!,7,words!7 loaded 1\n');
    expect(run('take')).toBe('words words,4\n');
    expect(run('take', 'add', 'take')).toBe('words words,4\nwords words!,6,words!6 loaded 1\nwords words,5\n');
  });
});
