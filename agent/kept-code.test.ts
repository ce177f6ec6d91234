import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keptCodePath } from './kept-code.ts';

const source = pathToFileURL(join(import.meta.dirname, 'kept-code.ts')).href;

let root: string;
let program: string;
let kept: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'slicewright-code-')));
  program = join(root, 'program');
  kept = join(root, 'cache', 'greet');
  mkdirSync(program);
  writeProgram('first.js', "const { greet } = require('./second.js'); exports.main = (word) => greet(word);");
  writeProgram(
    'second.js',
    `exports.greet = (word) => word === 'more' ? require('./third.js').more() : word === 'who' ? who(word) : 'hello';
     function who(word) { return [${'word, '.repeat(500)}].length; }`,
  );
  writeProgram(
    'third.js',
    "exports.more = () => require('node:path').basename(__filename) + require('./first.js').main();",
  );
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function writeProgram(name: string, text: string): void {
  writeFileSync(join(program, name), text);
}

/** What a process prints that loads the program with kept code, and keeps its code at its end. */
function run(word = ''): string {
  const main = `
    import { createRequire } from 'node:module';
    import { loadWithKeptCode } from ${JSON.stringify(source)};
    process.once('exit', loadWithKeptCode(${JSON.stringify(program)}, ${JSON.stringify(kept)}));
    const load = createRequire(${JSON.stringify(join(program, 'start.js'))});
    process.stdout.write(String(load('./first.js').main(${JSON.stringify(word)})));`;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', main];
  return execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 });
}

/** Each writing makes a new file. */
function inode(): number {
  return statSync(kept).ino;
}

describe('the code of a program', () => {
  it('is kept for its user alone, and the next run needs no other', () => {
    expect(run()).toBe('hello');
    expect(statSync(kept).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(kept)).mode & 0o777).toBe(0o700);
    const before = inode();
    expect(run()).toBe('hello');
    expect(inode()).toBe(before);
    expect(readdirSync(dirname(kept))).toEqual(['greet']);
  });

  it('has the functions that the run has called, not only those that V8 compiles at first', () => {
    run();
    const { size } = statSync(kept);
    rmSync(kept);
    expect(run('who')).toBe('500');
    expect(statSync(kept).size).toBeGreaterThan(size + 1000);
  });

  it('is kept again with a file that an earlier run had no use for', () => {
    run();
    const before = inode();
    expect(run('more')).toBe('third.jshello');
    expect(inode()).not.toBe(before);
    const after = inode();
    expect(run('more')).toBe('third.jshello');
    expect(inode()).toBe(after);
  });

  it('is not used for a file that was changed, also if its length is the same', () => {
    expect(run()).toBe('hello');
    writeProgram('second.js', readFileSync(join(program, 'second.js'), 'utf8').replace("'hello'", "'HELLO'"));
    expect(run()).toBe('HELLO');
    expect(run()).toBe('HELLO');
  });

  it.each<[string, (bytes: Buffer) => Uint8Array]>([
    ['is empty', () => new Uint8Array()],
    ['is cut off', (bytes) => bytes.subarray(0, bytes.length / 2)],
    ['ends within its first line', (bytes) => bytes.subarray(0, 20)],
    ['holds other things', () => Buffer.from('{"a": 1}\n')],
    ['has one wrong byte', (bytes) => bytes.fill(bytes.at(-100)! ^ 0x41, bytes.length - 100, bytes.length - 99)],
  ])('is made again where the file %s', (_, damage) => {
    run();
    writeFileSync(kept, damage(readFileSync(kept)));
    const before = inode();
    expect(run()).toBe('hello');
    expect(inode()).not.toBe(before);
    const after = inode();
    expect(run()).toBe('hello');
    expect(inode()).toBe(after);
  });

  it('is not needed: where nothing can be written, the program runs', () => {
    writeFileSync(dirname(kept), '');
    expect(run()).toBe('hello');
  });

  it('names the place of an error as Node does', () => {
    writeProgram('second.js', "exports.greet = () => new Error('here').stack.split('\\n')[1];");
    for (let time = 0; time < 2; time++) expect(run()).toContain(`${join(program, 'second.js')}:1:23`);
  });
});

describe('the place of kept code', () => {
  it('differs by command, by installed program and by version of Node', () => {
    const path = keptCodePath('/cache', '/usr/lib/slicewright', 'compile');
    expect(path).toMatch(new RegExp(`^/cache/code-${process.version}-${process.arch}/compile-[0-9a-f]{8}$`));
    expect(keptCodePath('/cache', '/usr/lib/slicewright', 'plan')).not.toBe(path);
    expect(keptCodePath('/cache', '/opt/slicewright', 'compile')).not.toBe(path);
  });

  it('is none for words that are no commands', () => {
    for (const word of ['', '../x', 'a/b', 'x'.repeat(21), 'a b', '.'])
      expect(keptCodePath('/cache', '/p', word)).toBeUndefined();
  });
});
