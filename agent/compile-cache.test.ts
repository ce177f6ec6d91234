import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compileCacheFolder } from './compile-cache.ts';

const uid = process.getuid?.() ?? 0;
const program = fileURLToPath(new URL('start.ts', import.meta.url));

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'slicewright-cache-')));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function folderOf(...path: readonly string[]): string {
  const folder = join(root, ...path);
  mkdirSync(folder, { recursive: true });
  return folder;
}

describe('compiled code', () => {
  it('is kept in the own cache folder, also before that is there', () => {
    expect(compileCacheFolder({ HOME: root }, uid)).toBe(join(root, '.cache', 'slicewright'));
    expect(compileCacheFolder({ XDG_CACHE_HOME: `${root}/xdg/` }, uid)).toBe(join(root, 'xdg', 'slicewright'));
    folderOf('.cache');
    expect(compileCacheFolder({ HOME: root }, uid)).toBe(join(root, '.cache', 'slicewright'));
    expect(compileCacheFolder({ HOME: root, XDG_CACHE_HOME: folderOf('xdg') }, uid)).toBe(
      join(root, 'xdg/slicewright'),
    );
    folderOf('xdg', 'slicewright');
    expect(compileCacheFolder({ XDG_CACHE_HOME: join(root, 'xdg') }, uid)).toBe(join(root, 'xdg', 'slicewright'));
  });

  it('is kept where a link leads to, and the link can be exchanged without effect', () => {
    symlinkSync(folderOf('real'), join(root, '.cache'));
    expect(compileCacheFolder({ HOME: root }, uid)).toBe(join(root, 'real', 'slicewright'));
  });

  it.each<[string, () => string]>([
    ['of another user', () => '/'],
    ['that others can write to', () => exposed(folderOf('caches'))],
    ['below one that others can write to', () => (exposed(folderOf('a')), folderOf('a', 'b', 'caches'))],
    [
      'that a link leads to, below one that others can write to',
      () => linked(() => (exposed(folderOf('a')), folderOf('a', 'b'))),
    ],
    ['that is a link to nothing', () => linked(() => join(root, 'nothing'))],
    [
      'in which slicewright is a link',
      () => (symlinkSync(folderOf('real'), join(folderOf('caches'), 'slicewright')), join(root, 'caches')),
    ],
    [
      'in which others can write to slicewright',
      () => (exposed(folderOf('caches', 'slicewright')), join(root, 'caches')),
    ],
    ['in which slicewright is a pipe', () => piped()],
    ['without one above it', () => join(root, 'not', 'there')],
  ])('is not kept in a folder %s', (name, make) => {
    const owner = name === 'of another user' ? uid + 1 : uid;
    expect(compileCacheFolder({ XDG_CACHE_HOME: make() }, owner)).toBeUndefined();
  });

  it('is not kept for root in the home of a user', () => {
    expect(compileCacheFolder({ HOME: root }, uid + 1)).toBeUndefined();
    expect(compileCacheFolder({}, uid)).toBeUndefined();
    expect(compileCacheFolder({ XDG_CACHE_HOME: 'relative' }, uid)).toBeUndefined();
  });

  it('costs no command its end: a pipe and a link change nothing', () => {
    symlinkSync(folderOf('real'), join(folderOf('linked'), 'slicewright'));
    for (const caches of [piped(), join(root, 'linked')]) {
      const env = { PATH: process.env['PATH'], XDG_CACHE_HOME: caches };
      const printed = execFileSync(process.execPath, [program, '--version'], {
        encoding: 'utf8',
        env,
        timeout: 300_000,
      });
      expect(printed).toMatch(/^\d+\.\d+/);
    }
    expect(readdirSync(join(root, 'real'))).toEqual([]);
  });
});

function exposed(folder: string): string {
  chmodSync(folder, 0o777);
  return folder;
}

function linked(target: () => string): string {
  const link = join(root, 'link');
  symlinkSync(target(), link);
  return link;
}

function piped(): string {
  const caches = folderOf('piped');
  execFileSync('/usr/bin/mkfifo', [join(caches, 'slicewright')]);
  return caches;
}
