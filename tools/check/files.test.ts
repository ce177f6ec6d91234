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

test('the lock file may not say where a package came from, and must say what it is', () => {
  const lock = (entry: object) => JSON.stringify({ packages: { '': {}, 'node_modules/a': entry } });
  expect(lockBreaches(lock({ integrity: 'sha512-x' }))).toEqual([]);
  expect(lockBreaches(lock({ integrity: 'sha512-x', resolved: 'somewhere' }))).toMatchObject([
    { message: 'node_modules/a names its registry' },
  ]);
  expect(lockBreaches(lock({}))).toMatchObject([{ message: 'node_modules/a has no checksum' }]);
});
