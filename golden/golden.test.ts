import { rmSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { targetsOf } from '../agent/planning/targets.ts';
import { backendNames, byName } from '../backends/index.ts';
import { compile } from '../compiler/index.ts';
import { formatMismatch } from '../compiler/semantics/verify.ts';
import { caseNames, expectationFiles, type GoldenCase, type GoldenState, readCase } from './case.ts';
import { expectationsOf, shownFamilies } from './expectations.ts';
import { leftAfterChanges } from './plans.ts';

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
    const mismatches = [golden, ...golden.changes].flatMap(({ input }) => {
      const compilation = compile(input);
      const targets = targetsOf(compilation);
      return shownFamilies(compilation).flatMap((family) => verify(targets[family]));
    });
    expect(mismatches.map(formatMismatch).join('\n')).toBe('');
  });

  if (golden.changes.length > 0) {
    it.each(backendNames())('leaves nothing to do after each %s plan', async (backend) => {
      expect((await leftAfterChanges(backend, golden)).flat().filter((commands) => commands > 0)).toEqual([]);
    });
  }

  it('is the same in whatever order its objects come', async () => {
    const expected = await expectationsOf(golden);
    await fc.assert(
      fc.asyncProperty(arbitraryOrder(golden), async (inAnyOrder) => {
        expect(await expectationsOf(inAnyOrder)).toEqual(expected);
      }),
      // A case with changes has the plans of every backend in it, and is as small as the others.
      { numRuns: golden.changes.length > 0 ? 3 : 8 },
    );
  });
});

/** `vitest -u`: expectations are being written anew. Otherwise nothing is written, not even what is missing. */
function isRewriting(): boolean {
  return expect.getState().snapshotState.snapshotUpdateState === 'all';
}

/** Expectations that nobody expects any more. What a person wrote under a name that means nothing is not thrown away. */
function removeSuperfluous(golden: GoldenCase, expected: ReadonlyMap<string, string>): void {
  for (const file of expectationFiles(golden)) {
    if (expected.has(file)) continue;
    if (!/\.(txt|json)$/.test(file)) throw new Error(`${golden.folder}/${file} is no input and no expectation`);
    rmSync(`${golden.folder}/${file}`);
  }
}

function arbitraryOrder(golden: GoldenCase) {
  return fc
    .tuple(reordered(golden), ...golden.changes.map(reordered))
    .map(([first, ...changes]) => ({ ...first, changes }));
}

function reordered({ input, packets }: GoldenState) {
  const shuffled = <T>(items: readonly T[]) =>
    fc.shuffledSubarray([...items], { minLength: items.length, maxLength: items.length });
  const clusters = input.clusters.map(({ cluster, objects }) =>
    shuffled(objects).map((inAnyOrder) => ({ cluster, objects: inAnyOrder })),
  );
  return fc
    .tuple(...clusters)
    .chain(shuffled)
    .map((inAnyOrder) => ({ input: { ...input, clusters: inAnyOrder }, packets }));
}
