import { expect, test } from 'vitest';
import { folderBreaches, lockBreaches, machinePathBreaches } from './files.ts';

test('a folder with code and a golden case need a README, a folder of data does not', () => {
  const files = [
    'compiler/a.ts',
    'compiler/README.md',
    'agent/b.ts',
    'golden/x/objects.yaml',
    'test/data/c.yaml',
    'd.ts',
  ];
  expect(folderBreaches(files).map(({ file }) => file)).toEqual(['agent/README.md', 'golden/x/README.md']);
});

test('a path of one machine is found, a path within an address or of every machine is not', () => {
  const home = ['', 'home', 'someone', 'x'].join('/');
  expect(machinePathBreaches('a.md', `first\nsee ${home}`)).toMatchObject([{ file: 'a.md', line: 2 }]);
  expect(machinePathBreaches('a.md', `see example.org${home} and /usr/sbin/ip and tools/root/x`)).toEqual([]);
});

test('the lock file may not say where a package came from, must say what it is, and fits package.json', () => {
  const manifest = JSON.stringify({ devDependencies: { a: '1.0.0' } });
  const messages = (entry: object, root: object = { devDependencies: { a: '1.0.0' } }): string[] =>
    lockBreaches(JSON.stringify({ packages: { '': root, 'node_modules/a': entry } }), manifest).map(
      ({ message }) => message,
    );
  expect(messages({ integrity: 'sha512-x' })).toEqual([]);
  expect(messages({ integrity: 'sha512-x', resolved: 'somewhere' })).toEqual(['node_modules/a names its registry']);
  expect(messages({})).toEqual(['node_modules/a has no checksum']);
  expect(messages({ integrity: 'sha512-x' }, { devDependencies: { a: '2.0.0' } })).toEqual([
    expect.stringContaining('does not fit'),
  ]);
});
