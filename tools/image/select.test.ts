import { describe, expect, it } from 'vitest';
import type { DebianPackage } from './debian.ts';
import { elfNeeds } from './elf.ts';
import { type Entry, file, link, tarOf, treeOf } from './entry.ts';
import { selectFiles } from './select.ts';

/** A 64-bit ELF file that contains only what the loader reads. */
function elf(libraries: readonly string[], interpreter?: string): Uint8Array {
  const strings = Buffer.from(['', ...libraries].map((name) => `${name}\0`).join(''));
  const loader = Buffer.from(interpreter === undefined ? '' : `${interpreter}\0`);
  const dynamicAt = 64 + 3 * 56;
  const dynamic = Buffer.alloc(16 * (libraries.length + 2));
  const stringsAt = dynamicAt + dynamic.length;
  // Loaded at an address other than its place in the file, as in real ELF files.
  const base = 0x40_0000;
  let nameAt = 1;
  libraries.forEach((name, index) => {
    dynamic.writeBigInt64LE(1n, index * 16);
    dynamic.writeBigUInt64LE(BigInt(nameAt), index * 16 + 8);
    nameAt += name.length + 1;
  });
  dynamic.writeBigInt64LE(5n, libraries.length * 16);
  dynamic.writeBigUInt64LE(BigInt(base + stringsAt), libraries.length * 16 + 8);
  const end = stringsAt + strings.length;
  const header = Buffer.alloc(dynamicAt);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(interpreter === undefined ? 2 : 3, 56);
  const segments: readonly (readonly [type: number, offset: number, address: number, size: number])[] = [
    [1, 0, base, end],
    [2, dynamicAt, base + dynamicAt, dynamic.length],
    [3, end, base + end, loader.length],
  ];
  segments.forEach(([type, offset, address, size], index) => {
    const at = 64 + index * 56;
    header.writeUInt32LE(type, at);
    for (const [place, value] of [
      [8, offset],
      [16, address],
      [32, size],
    ] as const)
      header.writeBigUInt64LE(BigInt(value), at + place);
  });
  return Buffer.concat([header, dynamic, strings, loader]);
}

function debianPackage(name: string, entries: Readonly<Record<string, Entry>>): DebianPackage {
  const tree = new Map(Object.entries({ [`usr/share/doc/${name}/copyright`]: file('', 0), ...entries }));
  return { name, version: '1', architecture: 'amd64', control: '', tree };
}

const libc = debianPackage('libc6', {
  'lib/x86_64-linux-gnu/libc.so.6': file(elf([]), 0, 0o755),
  'lib64/ld-linux.so.2': link('/lib/x86_64-linux-gnu/ld-linux.so.2'),
  'lib/x86_64-linux-gnu/ld-linux.so.2': file(elf([]), 0, 0o755),
  'usr/share/man/man7/libc.7.gz': file('', 0),
});
const perl = debianPackage('perl', { 'usr/bin/perl': file(elf(['libc.so.6']), 0) });
const libmnl = debianPackage('libmnl0', {
  'usr/lib/x86_64-linux-gnu/libmnl.so.0': link('libmnl.so.0.2.0'),
  'usr/lib/x86_64-linux-gnu/libmnl.so.0.2.0': file(elf(['libc.so.6']), 0),
});
const tool = debianPackage('tool', {
  'sbin/tool': link('../bin/tools'),
  'bin/tools': file(elf(['libmnl.so.0'], '/lib64/ld-linux.so.2'), 0, 0o755),
  'usr/share/man/man8/tool.8.gz': file('', 0),
});

describe('the files of an image', () => {
  it('are programs, the libraries that they need, and licences; other packages stay out', () => {
    const { packages, tree } = selectFiles([libc, libmnl, perl, tool], { programs: ['tool'], files: [], others: [] });
    expect(packages.map(({ name }) => name)).toEqual(['libc6', 'libmnl0', 'tool']);
    expect([...tree.keys()].sort()).toEqual([
      'bin',
      'lib',
      'lib64',
      'sbin',
      'usr/bin/tools',
      'usr/lib/x86_64-linux-gnu/ld-linux.so.2',
      'usr/lib/x86_64-linux-gnu/libc.so.6',
      'usr/lib/x86_64-linux-gnu/libmnl.so.0',
      'usr/lib/x86_64-linux-gnu/libmnl.so.0.2.0',
      'usr/lib64/ld-linux.so.2',
      'usr/sbin/tool',
      'usr/share/doc/libc6/copyright',
      'usr/share/doc/libmnl0/copyright',
      'usr/share/doc/tool/copyright',
    ]);
  });

  it.each([
    ['a program', [libc, libmnl, tool], ['tool', 'absent'], 'the image needs absent, which is in no package'],
    ['a library', [libc, tool], ['tool'], '/usr/bin/tools needs libmnl.so.0, which is in no package'],
    ['the loader', [libmnl, tool], ['tool'], '/usr/bin/tools needs usr/lib64/ld-linux.so.2, which is in no package'],
  ])('must not lack %s', (_, packages, programs, message) => {
    expect(() => selectFiles(packages, { programs, files: [], others: [] })).toThrow(message);
  });

  it('have what programs of others need', () => {
    const { packages } = selectFiles([libc, libmnl], { programs: [], files: [], others: [elf(['libc.so.6'])] });
    expect(packages).toEqual([libc]);
  });
});

it('an ELF header says which libraries and which loader', () => {
  expect(elfNeeds(elf(['libm.so.6', 'libc.so.6'], '/lib/ld.so'))).toEqual({
    interpreter: '/lib/ld.so',
    libraries: ['libm.so.6', 'libc.so.6'],
  });
  expect(elfNeeds(new TextEncoder().encode(`#!/bin/sh\n${'#'.repeat(80)}`))).toBeUndefined();
});

it('a tar has the same bytes whatever the order, every folder above a file, and root as owner', async () => {
  const entries = [
    ['usr/bin/b', file('b', 7, 0o755)],
    ['a', link('usr/bin/b')],
  ] as const;
  const tar = await tarOf(new Map(entries));
  expect(await tarOf(new Map(entries.toReversed()))).toEqual(tar);
  expect([...(await treeOf(tar))].map(([path, { kind, mtime }]) => [path, kind, mtime])).toEqual([
    ['a', 'link', 0],
    ['usr', 'folder', 0],
    ['usr/bin', 'folder', 0],
    ['usr/bin/b', 'file', 7],
  ]);
});
