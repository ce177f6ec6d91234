import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { probeSupport, unshareFlags } from '../netns/probe.ts';
import { runWithin } from '../netns/processes.ts';
import { describeIn } from '../place.ts';
import { type Block, blocksOf, isShown, outputsOf, scriptOf } from './sessions.ts';

const root = new URL('../../', import.meta.url).pathname;
const pages = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)]
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, blocks: blocksOf(readFileSync(join(root, name), 'utf8')) }))
  .filter(({ blocks }) => blocks.length > 0);
const mark = '=== command';
const { isolation, lacks } = await probeSupport();

/** Runs a page's commands one after the other on a copy of `examples/`, in a network of their own. */
async function printed(blocks: readonly Block[]): Promise<readonly (readonly string[])[]> {
  const folder = mkdtempSync(join(tmpdir(), 'page-'));
  try {
    cpSync(join(root, 'examples'), join(folder, 'examples'), { recursive: true });
    const script = scriptOf(
      blocks.flatMap(({ shown }) => shown),
      mark,
    );
    // A short command must not be killed by a page's slowest one, and a page that hangs must end.
    const prepare = `mount -t tmpfs tmpfs /run && ip link set lo up && cd '${folder}' && PATH="${root}bin:$PATH" exec sh -s 2>&1`;
    const run = runWithin(300_000);
    const { stdout, stderr, failure } = await run('unshare', [...unshareFlags(isolation), 'sh', '-c', prepare], script);
    if (failure !== undefined) throw new Error(`${failure}: ${stderr}`);
    return outputsOf(stdout, mark);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describeIn('network namespace', lacks.namespaces ?? lacks.nft, 'commands in pages', () => {
  it.each(pages)('of $name print what the page shows', async ({ name, blocks }) => {
    const outputs = await printed(blocks);
    const shown = blocks.flatMap((block) => block.shown);
    expect(outputs).toHaveLength(shown.length);
    if (expect.getState().snapshotState.snapshotUpdateState === 'all') return rewrite(name, blocks, outputs);
    const wrong = shown.flatMap(({ command, output, line }, i) => {
      const found = outputs[i] ?? [];
      return isShown(output, found) ? [] : [`${name}:${line}: $ ${command}\n${found.join('\n')}`];
    });
    expect(wrong.join('\n\n')).toBe('');
  });
});

/** `vitest -u`: what was printed goes into the page, but where the page has left something out. */
function rewrite(name: string, blocks: readonly Block[], outputs: readonly (readonly string[])[]): void {
  const lines = readFileSync(join(root, name), 'utf8').split('\n');
  let i = outputs.length;
  for (const { first, end, shown } of [...blocks].reverse()) {
    const texts = [...shown].reverse().flatMap(({ command, output }) => {
      i -= 1;
      const isWhole = output.every((line) => !line.includes('…'));
      return [[`$ ${command}`, ...(isWhole ? (outputs[i] ?? []) : output)]];
    });
    lines.splice(first, end - first, ...texts.reverse().flat().join('\n').split('\n'));
  }
  writeFileSync(join(root, name), lines.join('\n'));
}

describe('a page', () => {
  const page = ['text', '```console', '$ echo a \\', '  b', 'a b', '$ true', '```', '```', '$ not run', '```'].join(
    '\n',
  );

  it('has commands with what they print', () => {
    expect(blocksOf(page).flatMap(({ shown }) => shown)).toEqual([
      { command: 'echo a \\\n  b', output: ['a b'], line: 3 },
      { command: 'true', output: [], line: 6 },
    ]);
  });

  it.each([
    { expected: ['a', '…', 'c'], found: ['a', 'b', 'b', 'c'], is: true },
    { expected: ['a', '…'], found: ['a'], is: true },
    { expected: ['took … ms'], found: ['took 12 ms'], is: true },
    { expected: ['took … ms'], found: ['took 12 s'], is: false },
    { expected: ['a'], found: ['a', 'b'], is: false },
    { expected: ['a.c'], found: ['abc'], is: false },
    { expected: [], found: ['a'], is: false },
  ])('that shows $expected is held to it: $found is $is', ({ expected, found, is }) => {
    expect(isShown(expected, found)).toBe(is);
  });
});
