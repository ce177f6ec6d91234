import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { captureCommand } from '../../agent/commands/capture.ts';
import { compileCommand } from '../../agent/commands/compile.ts';
import { verifyFoundCommand } from '../../agent/commands/verify-found.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import type { Run } from '../../backends/command.ts';
import { backendNames, register } from '../../backends/index.ts';
import { type Fault, faults } from '../verification/faults.ts';
import { toyEntry } from '../toy/index.ts';
import { createToyKernel } from '../toy/kernel.ts';

const shop = fileURLToPath(new URL('../verification/', import.meta.url));
const host = { name: 'east-1', addresses: [] };
const noRun: Run = () => Promise.reject(new Error('a dump needs no command'));
const scratch = mkdtempSync(join(tmpdir(), 'slicewright-scramble-'));
const unregister = register(toyEntry(createToyKernel()));
afterAll(() => {
  unregister();
  rmSync(scratch, { recursive: true, force: true });
});

const toyFaults: readonly Pick<Fault, 'what' | 'file' | 'find' | 'put'>[] = [
  { what: 'an endpoint is stale', file: 'toy-IPv4', find: /10\.1\.1\.6 8080\n/, put: '10.1.1.66 8080\n' },
];

/** Names of the objects of test/verification, of ports too; a slice's name is made of a Service's. */
const names = ['shop', 'cart', 'idle', 'dns', 'http', 'x7k2', 'east-1', 'east-2'];
const inputs = ['objects.yaml', 'node.yaml', 'config.yaml'].map((name) => readFileSync(join(shop, name), 'utf8'));
const addresses = [...new Set(inputs.join('\n').match(/\d+\.\d+\.\d+\.\d+/g))].filter(
  (address) => !/^0\.0\.0\.0$|^10\.0\.0\.0$|^127\./.test(address),
);

/** Everything in a folder, with the names of its files. */
function textOf(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => `${name}\n${readFileSync(join(parentPath, name), 'utf8')}`).join('\n');
}

/** `1 place where …, 2 of 6 kinds of clients`, as a case's README.md has it: numbers, and no address and no name. */
const differingPlaces = (folder: string) =>
  readFileSync(join(folder, 'README.md'), 'utf8').match(/\d+ places? where|\d+ of \d+ kinds?/g);

const isIn = (text: string) => (word: string) =>
  new RegExp(`(?<![A-Za-z0-9.])${word.replaceAll('.', '\\.')}(?![A-Za-z0-9]|\\.\\d)`).test(text);

describe.each(backendNames())('capture --scramble in mode %s', (backend) => {
  const node = join(scratch, backend);
  const input = {
    filename: [join(shop, 'objects.yaml')],
    node: join(shop, 'node.yaml'),
    config: join(shop, 'config.yaml'),
    backend,
    diagnostics: 'human',
  } as const;
  const all = faults[backend] ?? toyFaults;

  it.each(all.filter((_, i) => i % Math.ceil(all.length / 3) === 0))(
    'still shows it when $what, and no name and no address is left',
    async ({ file, find, put }) => {
      await compileCommand({ ...input, out: node }, memoryIo());
      const right = readFileSync(join(node, file), 'utf8');
      const wrong = right.replace(find, put);
      expect(wrong).not.toBe(right);
      writeFileSync(join(node, file), wrong);
      const [folder, plain] = [mkdtempSync(join(scratch, 'case-')), mkdtempSync(join(scratch, 'plain-'))];
      const io = memoryIo();
      const options = { ...input, against: [node], services: [], scramble: 'seed-7' };
      expect(await captureCommand(folder, options, io, noRun, host), io.written.err).toBe(0);
      const text = textOf(folder);
      expect([...names, ...addresses].filter(isIn(text))).toEqual([]);
      const again = memoryIo();
      const found = {
        ...{ filename: [join(folder, 'objects.yaml')], node: join(folder, 'node.yaml') },
        ...{ config: join(folder, 'settings.yaml'), against: [join(folder, 'found')], output: 'text' as const },
      };
      expect(await verifyFoundCommand({ ...input, ...found }, again, noRun, host)).toBe(3);
      // A chain's hash is that of the Service port's new name: the program of the scrambled objects has it too.
      const program = readFileSync(join(folder, `${backend}.txt`), 'utf8');
      const hashes = textOf(join(folder, 'found')).match(/(?<![A-Z2-7])[A-Z2-7]{16}(?![A-Z2-7])/g) ?? [];
      expect(hashes.filter((hash) => !program.includes(hash))).toEqual([]);
      // Rules that no longer belonged to their Service would make many places differ.
      expect(await captureCommand(plain, { ...input, against: [node], services: [] }, io, noRun, host)).toBe(0);
      expect(differingPlaces(folder)).toEqual(differingPlaces(plain));
    },
  );
});
