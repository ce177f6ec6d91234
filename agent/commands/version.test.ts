import { load } from 'js-yaml';
import { expect, it } from 'vitest';
import { memoryIo } from '../terminal/memory-io.fixture.ts';
import { thisVersion, versionCommand } from './version.ts';

const version = {
  version: '1.2.3',
  gitCommit: 'a'.repeat(40),
  node: '24.1.0',
  platform: 'linux/amd64',
  backends: ['iptables', 'ipvs'],
};

it('a version is printed for people', async () => {
  const io = memoryIo();
  expect(await versionCommand(version, 'text', io)).toBe(0);
  expect(io.written.out).toBe(
    `slicewright  1.2.3
commit       ${'a'.repeat(40)}
Node         24.1.0
platform     linux/amd64
backends     iptables, ipvs
`,
  );
});

it.each([
  ['json', JSON.parse],
  ['yaml', load],
] as const)('a version is a document of kind Version in %s', async (output, parse) => {
  const io = memoryIo();
  await versionCommand(version, output, io);
  const document = parse(io.written.out) as object;
  expect(document).toEqual({ apiVersion: 'slicewright.dev/v1alpha1', kind: 'Version', ...version });
  expect(Object.keys(document).slice(0, 2)).toEqual(['apiVersion', 'kind']);
});

it('sources that run unbuilt have no commit', () => {
  expect(thisVersion()).toEqual({
    version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
    node: process.versions.node,
    platform: expect.stringMatching(/^linux\//) as string,
    backends: ['iptables', 'ipvs', 'nftables'],
  });
});
