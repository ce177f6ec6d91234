import { rmSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { targetsOf } from '../agent/targets.ts';
import { backendNames, byName } from '../backends/index.ts';
import { compile } from '../compiler/index.ts';
import { formatMismatch } from '../compiler/semantics/verify.ts';
import { caseNames, expectationFiles, type GoldenCase, readCase } from './case.ts';
import { expectationsOf, shownFamilies } from './expectations.ts';

// One file for all cases: loading the compiler costs more than compiling any of them.
describe.each(caseNames)('%s', (name) => {
  const golden = readCase(name);

  it('compiles to what is written down, and to nothing else', async () => {
    const expected = await expectationsOf(golden);
    if (isRewriting()) removeSuperfluous(golden, expected);
    else expect(expectationFiles(golden)).toEqual([...expected.keys()].sort());
    for (const [file, text] of expected) await expect(text).toMatchFileSnapshot(`${golden.folder}/${file}`);
  });

  it.each(backendNames())('every probe of its %s program meets its verdict', async (backend) => {
    const { verify } = await (await byName(backend)).witness();
    const compilation = compile(golden.input);
    const targets = targetsOf(compilation);
    const mismatches = shownFamilies(compilation).flatMap((family) => verify(targets[family]));
    expect(mismatches.map(formatMismatch).join('\n')).toBe('');
  });

  it('is the same in whatever order its objects come', async () => {
    const expected = await expectationsOf(golden);
    await fc.assert(
      fc.asyncProperty(arbitraryOrder(golden), async (reordered) => {
        expect(await expectationsOf(reordered)).toEqual(expected);
      }),
      { numRuns: 8 },
    );
  });
});

/** `vitest -u`: expectations are being written anew. Otherwise nothing is written, not even what is missing. */
function isRewriting(): boolean {
  return expect.getState().snapshotState.snapshotUpdateState === 'all';
}

function removeSuperfluous(golden: GoldenCase, expected: ReadonlyMap<string, string>): void {
  for (const file of expectationFiles(golden)) {
    if (!expected.has(file)) rmSync(`${golden.folder}/${file}`);
  }
}

function arbitraryOrder({ input, packets }: GoldenCase) {
  const shuffled = <T>(items: readonly T[]) =>
    fc.shuffledSubarray([...items], { minLength: items.length, maxLength: items.length });
  const clusters = input.clusters.map(({ cluster, objects }) =>
    shuffled(objects).map((reordered) => ({ cluster, objects: reordered })),
  );
  return fc
    .tuple(...clusters)
    .chain(shuffled)
    .map((reordered) => ({ input: { ...input, clusters: reordered }, packets }));
}
